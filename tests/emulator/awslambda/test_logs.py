from __future__ import annotations

import base64
import json
import os
import re
import sys
import tempfile

from pipeline.emulator.logs.output import LogSink
from tests.emulator.awslambda.lambda_parts import ACCOUNT, REGION, Parts
from tests.patience import until


def test_an_invocation_is_logged_between_start_and_end_and_reported(parts: Parts) -> None:
    parts.create("talker", "print('loading')\ndef handler(event, context):\n print('one')\n print('two')")
    response, _ = parts.invoke("talker")
    request_id = response["ResponseMetadata"]["RequestId"]
    init, loading, start, one, two, end, report = parts.log_lines("/aws/lambda/talker")
    assert init.startswith("INIT_START Runtime Version: python:3.")
    assert (loading, one, two) == ("loading", "one", "two")
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert end == f"END RequestId: {request_id}"
    assert re.match(
        rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t",
        report,
    )
    [stream] = parts.aws("logs").describe_log_streams(logGroupName="/aws/lambda/talker")["logStreams"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream["logStreamName"])


def test_the_log_of_a_crashed_worker_is_not_lost(parts: Parts) -> None:
    code = "import os, sys\ndef handler(event, context):\n sys.stderr.write('last words')\n os.abort()"
    parts.create("crasher", code)
    parts.invoke("crasher")
    lines = parts.log_lines("/aws/lambda/crasher")
    assert "last words" in lines
    assert "Status: error\tError Type: Runtime.ExitError" in lines[-1]


def test_the_log_of_a_killed_function_holds_what_it_said_before(parts: Parts) -> None:
    parts.create("hanger", "import time\ndef handler(event, context):\n print('hanging')\n time.sleep(60)", Timeout=1)
    parts.invoke("hanger")
    lines = parts.log_lines("/aws/lambda/hanger")
    assert "hanging" in lines
    assert any("Task timed out after 1.00 seconds" in line for line in lines)
    assert "Status: timeout" in lines[-1]


def test_an_error_and_its_trace_are_one_event(parts: Parts) -> None:
    parts.create("raiser", "def handler(event, context): raise ValueError('why')")
    parts.invoke("raiser")
    [error] = [line for line in parts.log_lines("/aws/lambda/raiser") if line.startswith("[ERROR]")]
    assert error.startswith("[ERROR] ValueError: why\nTraceback (most recent call last):\n")


def test_json_logs_are_json_throughout(parts: Parts) -> None:
    import json

    code = "import logging\nlogging.getLogger().setLevel('INFO')\ndef handler(event, context): logging.info('word')"
    parts.create("structured", code, LoggingConfig={"LogFormat": "JSON"})
    parts.invoke("structured")
    found = [json.loads(line) for line in parts.log_lines("/aws/lambda/structured")]
    assert [entry.get("type") for entry in found if "type" in entry] == [
        "platform.initStart", "platform.start", "platform.report",
    ]  # fmt: skip
    assert [entry["message"] for entry in found if "message" in entry] == ["word"]


def test_many_lines_all_arrive_in_order(parts: Parts) -> None:
    parts.create("flood", "def handler(event, context):\n for n in range(5000): print('line', n)", Timeout=30)
    parts.invoke("flood")
    lines = [line for line in parts.log_lines("/aws/lambda/flood") if line.startswith("line ")]
    assert lines == [f"line {n}" for n in range(5000)]


def test_any_output_goes_to_the_stream_it_names(parts: Parts) -> None:
    sink = LogSink(ACCOUNT, REGION)
    sink.start()
    sink.write("/aws-glue/jobs/output", "jr_1", "single")
    sink.write("/aws-glue/jobs/output", "jr_1", ["several", "", "x" * 300_000])
    sink.stop()
    found = parts.aws("logs").get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName="jr_1")["events"]
    assert [len(event["message"]) for event in found] == [6, 7, 1, 262144, 37856]


def test_lines_are_written_soon_without_a_flush(parts: Parts) -> None:
    parts.logs.write("/soon", "stream", f"by {os.getpid()}")
    logs = parts.aws("logs")
    until(lambda: any(group["logGroupName"] == "/soon" for group in logs.describe_log_groups()["logGroups"]), 2)


FAILS = """
import json, os, tempfile, traceback
def handler(event, context):
    print(__file__, os.environ["LAMBDA_TASK_ROOT"], tempfile.gettempdir())
    try:
        json.loads("{")
    except ValueError:
        traceback.print_exc()
    json.loads("[")
"""


def test_failures_and_log_lines_show_the_paths_that_aws_has_and_none_of_this_machine(parts: Parts) -> None:
    parts.create("faulty", FAILS)
    answer = parts.aws("lambda").invoke(FunctionName="faulty", LogType="Tail")
    trace = json.loads(answer["Payload"].read())["stackTrace"]
    assert trace[0].startswith('  File "/var/task/app.py", line 9, in handler')
    assert '"/var/lang/lib/python3.' in trace[1]
    tail = base64.b64decode(answer["LogResult"]).decode()
    logged = "\n".join(parts.log_lines("/aws/lambda/faulty"))
    assert "/var/task/app.py /var/task /tmp\n" in logged
    assert 'File "/var/task/app.py", line 6, in handler' in logged
    files = re.findall(r'File "([^"]+)"|(/\S+/)', "\n".join([*trace, tail, logged]))
    assert {path for pair in files for path in pair if path and not path.startswith(("/var/", "/tmp"))} == set()
    for place in (sys.prefix, sys.base_prefix, tempfile.gettempdir() + "/"):
        assert place not in "\n".join([*trace, tail, logged])
