"""What Lambda itself says about an invocation: its error payloads and its log lines, as AWS writes them. Pure."""

from __future__ import annotations

import json
import math
import signal
import sys
from dataclasses import dataclass

from pipeline.emulator.awslambda.functions import Function


@dataclass(frozen=True, slots=True)
class Usage:
    """What an invocation took: seconds, megabytes, and the seconds of the cold start if it was the first."""

    duration_s: float
    peak_mb: int
    init_s: float | None = None


def timed_out(request_id: str, seconds: float) -> bytes:
    """Payload of an invocation that reached the function's timeout."""
    message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    return _payload("Sandbox.Timedout", message)


def exited(request_id: str, reason: str) -> bytes:
    """Payload of an invocation whose process ended; the reason is `exit_reason`'s."""
    return _payload("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")


def exit_reason(code: int) -> str:
    """How a process ended, from its exit code; negative is a signal."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    return f"Runtime exited with error: exit status {code}"


def _payload(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def init_line(function: Function) -> str:
    """The line that a new worker starts its log with."""
    version = f"python:{sys.version_info.major}.{sys.version_info.minor}"
    if function.json_logs:
        record = {"initializationType": "on-demand", "phase": "init", "runtimeVersion": version}
        return json.dumps({"type": "platform.initStart", "record": record})
    return f"INIT_START Runtime Version: {version}"


def start_line(function: Function, request_id: str) -> str:
    """The first line that Lambda logs of an invocation, as text or JSON."""
    if function.json_logs:
        return json.dumps({"type": "platform.start", "record": {"requestId": request_id, "version": function.version}})
    return f"START RequestId: {request_id} Version: {function.version}"


def end_lines(function: Function, request_id: str, usage: Usage, failure: bytes | None) -> list[str]:
    """END and REPORT, and before them the sandbox's own failure, if it was one."""
    error = _sandbox_error(failure)
    if function.json_logs:
        return [json.dumps({"type": "platform.report", "record": _report_record(function, request_id, usage, error)})]
    lines = [error["errorMessage"]] if error else []
    lines.append(f"END RequestId: {request_id}")
    lines.append(_report_line(function, request_id, usage, error))
    return lines


def _sandbox_error(failure: bytes | None) -> dict[str, str] | None:
    if failure is None or not failure.startswith((b'{"errorType": "Sandbox.', b'{"errorType": "Runtime.ExitError')):
        return None
    found: dict[str, str] = json.loads(failure)
    return found


def _report_line(function: Function, request_id: str, usage: Usage, error: dict[str, str] | None) -> str:
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {usage.duration_s * 1000:.2f} ms",
        f"Billed Duration: {math.ceil(usage.duration_s * 1000)} ms",
        f"Memory Size: {function.memory_mb} MB",
        f"Max Memory Used: {min(usage.peak_mb, function.memory_mb)} MB",
    ]
    if usage.init_s is not None:
        parts.append(f"Init Duration: {usage.init_s * 1000:.2f} ms")
    if error:
        timeout = error["errorType"] == "Sandbox.Timedout"
        parts.append("Status: timeout" if timeout else f"Status: error\tError Type: {error['errorType']}")
    return "\t".join(parts) + "\t"


def _report_record(
    function: Function, request_id: str, usage: Usage, error: dict[str, str] | None
) -> dict[str, object]:
    metrics: dict[str, float] = {
        "durationMs": round(usage.duration_s * 1000, 3),
        "billedDurationMs": math.ceil(usage.duration_s * 1000),
        "memorySizeMB": function.memory_mb,
        "maxMemoryUsedMB": min(usage.peak_mb, function.memory_mb),
    }
    if usage.init_s is not None:
        metrics["initDurationMs"] = round(usage.init_s * 1000, 3)
    status = "success" if not error else "timeout" if error["errorType"] == "Sandbox.Timedout" else "error"
    return {"requestId": request_id, "metrics": metrics, "status": status}
