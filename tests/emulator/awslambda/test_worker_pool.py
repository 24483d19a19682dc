from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import Misconfigured, Refused
from pipeline.core.lake_key import own_key
from pipeline.emulator.awslambda.functions import Layer, Throttled
from pipeline.emulator.awslambda.worker_pool import LambdaWorkers
from pipeline.emulator.fair_queue import asker
from tests.conftest import ROOT
from tests.emulator.awslambda.lambda_parts import answer_of, function, interpreter, waits_for
from tests.patience import PATIENCE_S, until

ECHO = "def handler(event, context): return event"


def test_a_function_answers_what_its_handler_returns(workers: LambdaWorkers) -> None:
    answer = workers.invoke(function(ECHO), b'{"text": "\\u00e9"}')
    assert answer_of(answer) == {"text": "é"}
    assert not answer.failed


def test_an_exception_answers_with_its_class_trace_and_request_id(workers: LambdaWorkers) -> None:
    answer = workers.invoke(function("def handler(event, context): raise KeyError('x')"), b"{}")
    payload = answer_of(answer)
    assert answer.failed
    assert payload["errorType"] == "KeyError"
    assert payload["errorMessage"] == "'x'"
    assert payload["requestId"] == answer.request_id
    assert "raise KeyError" in payload["stackTrace"][0]


def test_a_function_is_killed_at_its_timeout_and_the_next_invocation_gets_a_new_worker(workers: LambdaWorkers) -> None:
    slow = function("import time\ndef handler(event, context): time.sleep(event)", timeout_s=0.5)
    # Longer than this test may take.
    answer = workers.invoke(slow, b"3600")
    assert answer_of(answer) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 0.50 seconds",
    }
    assert answer_of(workers.invoke(slow, b"0")) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_crash_answers_with_how_the_process_ended(workers: LambdaWorkers, body: str, reason: str) -> None:
    answer = workers.invoke(function(f"import os\ndef handler(event, context): {body}"), b"{}")
    assert answer.failed
    assert answer_of(answer) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: {reason}",
    }


@pytest.mark.parametrize(
    ("code", "handler", "error"),
    [
        ("import no_such_module", "app.handler", "Runtime.ImportModuleError"),
        ("def handler(", "app.handler", "Runtime.UserCodeSyntaxError"),
        ("", "app.handler", "Runtime.HandlerNotFound"),
        ("", "handler", "Runtime.MalformedHandlerName"),
        ("1 / 0", "app.handler", "ZeroDivisionError"),
        ("import os; os._exit(1)", "app.handler", "Runtime.ExitError"),
    ],
)
def test_a_handler_that_cannot_be_loaded_answers_as_on_aws(
    workers: LambdaWorkers, code: str, handler: str, error: str
) -> None:
    broken = function(code, handler=handler)
    for _ in range(2):
        answer = workers.invoke(broken, b"{}")
        assert answer.failed
        assert answer_of(answer)["errorType"] == error


def test_one_asker_with_many_invocations_does_not_hold_up_another(tmp_path: Path) -> None:
    """With one worker: the line of one is long when another comes, who is served after at most one of them."""
    served, gate = tmp_path / "served", tmp_path / "gate"
    slow = function(waits_for(gate, f"open({str(served)!r}, 'a').write(event)"), timeout_s=PATIENCE_S)
    workers = LambdaWorkers(
        "http://127.0.0.1:9", tmp_path / "lambda", lambda group, stream, lines: None, cap=1, interpreter=interpreter()
    )
    workers.start()

    def ask(who: str) -> None:
        asker.set(who)
        workers.invoke(slow, json.dumps(who).encode())

    threads = []
    for number, who in enumerate("aaaaaaaab", 1):
        threads.append(threading.Thread(target=ask, args=(who,)))
        threads[-1].start()
        until(lambda number=number: _waiting(workers) == number - 1)
    gate.touch()
    for thread in threads:
        thread.join()
    workers.stop()
    # The first was running, the second was next in its own line.
    assert served.read_text().index("b") <= 2
    assert sorted(served.read_text()) == sorted("aaaaaaaab")


def _waiting(workers: LambdaWorkers) -> int:
    if not workers.processes():
        return -1
    [pool] = workers._pools.values()
    return sum(map(len, list(pool._line._waiting.values())))


def test_more_memory_than_the_function_has_kills_it(workers: LambdaWorkers) -> None:
    greedy = function(
        "import time\ndef handler(event, context):\n b = bytearray(300 << 20)\n time.sleep(200)",
        memory_mb=128,
        timeout_s=200,
    )
    answer = workers.invoke(greedy, b"{}")
    assert answer_of(answer)["errorMessage"].endswith("signal: killed")


def test_pyarrow_runs_within_the_memory_that_it_really_uses(workers: LambdaWorkers) -> None:
    code = "import pyarrow\ndef handler(event, context): return pyarrow.table({'a': range(1000000)}).num_rows"
    assert answer_of(workers.invoke(function(code, memory_mb=512, timeout_s=200), b"{}")) == 1000000


def test_a_response_over_six_megabytes_is_refused(workers: LambdaWorkers) -> None:
    answer = workers.invoke(function("def handler(event, context): return 'x' * event", memory_mb=512), b"7000000")
    assert answer.failed
    assert answer_of(answer)["errorType"] == "Function.ResponseSizeTooLarge"


def test_what_is_no_json_cannot_be_answered(workers: LambdaWorkers) -> None:
    answer = workers.invoke(function("def handler(event, context): return {1, 2}"), b"{}")
    assert answer.failed
    assert answer_of(answer)["errorType"] == "Runtime.MarshalError"


def test_a_worker_stays_warm(workers: LambdaWorkers) -> None:
    counting = function("n = []\ndef handler(event, context):\n n.append(1)\n return len(n)")
    assert [answer_of(workers.invoke(counting, b"{}")) for _ in range(3)] == [1, 2, 3]


MEETING = """
import os, tempfile, time
def handler(event, context):
    here = os.listdir(tempfile.gettempdir())
    open(os.path.join(tempfile.gettempdir(), event["file"]), "w").close()
    open(os.path.join(event["met"], str(os.getpid())), "w").close()
    while len(os.listdir(event["met"])) < event["workers"]:
        time.sleep(0.02)
    return os.getpid(), tempfile.gettempdir(), here
"""
"""Answers only once so many workers have come."""


def test_what_executions_start_leaves_the_processor_to_what_queues_and_schedules_start(workers: LambdaWorkers) -> None:
    priority = "import os\ndef handler(event, context): return os.getpriority(os.PRIO_PROCESS, 0), event"
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert answer_of(workers.invoke(function(priority), b"0")) == [own, 0]
    token = asker.set("arn:aws:states:eu-west-1:123456789012:execution:m:e")
    try:
        assert answer_of(workers.invoke(function(priority + "  #"), b"1")) == [min(own + 3, 19), 1]
    finally:
        asker.reset(token)


def test_pandas_is_there_only_where_the_package_has_it(workers: LambdaWorkers) -> None:
    asked = "import pyarrow as pa\ndef handler(event, context):\n    pa.array([1, None])\n    import pandas\n"
    assert answer_of(workers.invoke(function(asked), b"{}"))["errorType"] == "ModuleNotFoundError"
    own = function(
        "import pandas\ndef handler(event, context): return pandas.ours", files={"pandas/__init__": "ours = 1"}
    )
    assert answer_of(workers.invoke(own, b"{}")) == 1


def test_workers_scale_with_demand_up_to_the_cap(workers: LambdaWorkers, tmp_path: Path) -> None:
    meeting, met = function(MEETING, timeout_s=200), tmp_path / "met"
    met.mkdir()
    event = {"met": str(met), "file": "f", "workers": 4}
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: answer_of(workers.invoke(meeting, json.dumps(event).encode())), range(8)))
    pids = [pid for pid, _, _ in answers]
    assert len(set(pids)) == 4
    assert sorted(set(pids)) == sorted(workers.processes())


def test_what_is_beyond_reserved_concurrency_is_throttled_and_later_runs(
    workers: LambdaWorkers, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    single = function(waits_for(go_on), concurrency=1, timeout_s=200)
    with ThreadPoolExecutor(4) as callers:
        running = [callers.submit(workers.invoke, single, b"{}") for _ in range(4)]
        until(lambda: sum(each.done() for each in running) == 3)
        go_on.touch()
    throttled = [each for each in running if isinstance(each.exception(), Throttled)]
    assert len(throttled) == 3
    assert answer_of(workers.invoke(single, b"{}")) == 1


def test_layers_lie_over_each_other_below_the_package_and_above_the_environment(workers: LambdaWorkers) -> None:
    code = """
import os
def handler(event, context):
    import mine, lower, upper, deep, yaml
    return [mine.WHOSE, lower.WHOSE, upper.WHOSE, deep.WHOSE, yaml.WHOSE, os.environ["PATH"].endswith("/bin")]
"""
    below = archive({"python/lower.py": "low", "python/upper.py": "low", "python/mine.py": "low"})
    above = archive(
        {"python/upper.py": "up", "python/yaml.py": "up", "python/lib/python3.12/site-packages/deep.py": "up"}
    )
    layers = (Layer("below", below), Layer("above", above))
    layered = function(code, files={"mine": "WHOSE = 'own'"}, layers=layers)
    assert answer_of(workers.invoke(layered, b"{}")) == ["own", "low", "up", "up", "up", True]


def test_another_layer_gets_new_workers(workers: LambdaWorkers) -> None:
    code = "def handler(event, context):\n import part\n return part.WHOSE"
    for whose in ("first", "second"):
        layer = Layer(whose, archive({"python/part.py": whose}))
        assert answer_of(workers.invoke(function(code, layers=(layer,)), b"{}")) == whose


def test_a_layer_that_is_no_zip_is_refused(workers: LambdaWorkers) -> None:
    with pytest.raises(Misconfigured, match="a layer of function probe is not a zip"):
        workers.invoke(function(ECHO, layers=(Layer("bad", b"nonsense"),)), b"{}")


def archive(modules: dict[str, str]) -> bytes:
    """A zip of modules that each say whose they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, whose in modules.items():
            zipped.writestr(name, f"WHOSE = {whose!r}")
    return buffer.getvalue()


def test_idle_workers_are_ended(tmp_path: Path) -> None:
    workers = LambdaWorkers("http://127.0.0.1:9", tmp_path, lambda *_: None, idle_s=0.2, interpreter=interpreter())
    workers.start()
    try:
        workers.invoke(function(ECHO), b"{}")
        until(lambda: not workers.processes())
        assert answer_of(workers.invoke(function(ECHO), b"1")) == 1
    finally:
        workers.stop()


def test_a_worker_that_died_while_idle_costs_no_invocation(workers: LambdaWorkers) -> None:
    echo = function(ECHO)
    for number in range(8):
        assert answer_of(workers.invoke(echo, str(number).encode())) == number
        for pid in workers.processes():
            os.kill(pid, signal.SIGKILL)


def test_new_code_and_new_configuration_get_new_workers(workers: LambdaWorkers) -> None:
    code = "import os\ndef handler(event, context): return os.environ.get('WHO', 'nobody')"
    assert answer_of(workers.invoke(function(code), b"{}")) == "nobody"
    assert answer_of(workers.invoke(function(code, environment=(("WHO", "me"),)), b"{}")) == "me"
    assert answer_of(workers.invoke(function(ECHO), b"5")) == 5
    until(lambda: len(workers.processes()) == 1)


def test_each_worker_has_a_private_temporary_directory_that_goes_with_it(
    workers: LambdaWorkers, tmp_path: Path
) -> None:
    meeting, met = function(MEETING, timeout_s=200), tmp_path / "met"
    met.mkdir()

    def invoke(file: str) -> Any:
        event = {"met": str(met), "file": file, "workers": 2}
        return answer_of(workers.invoke(meeting, json.dumps(event).encode()))[1:]

    with ThreadPoolExecutor(2) as callers:
        seen = list(callers.map(invoke, ("f0", "f1")))
    assert seen[0][0] != seen[1][0]
    assert [found for _, found in seen] == [[], []]
    workers.stop()
    until(lambda: not list((tmp_path / "tmp").iterdir()))


def test_a_worker_finds_only_lambdas_environment_and_its_own(
    workers: LambdaWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "x")
    code = "import os\ndef handler(event, context): return dict(os.environ)"
    found = answer_of(workers.invoke(function(code, environment=(("TABLE", "t"),)), b"{}"))
    assert found["TABLE"] == "t"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert own_key().variables().items() <= found.items()
    others = {name for name in found if not name.startswith(("AWS_", "LAMBDA_"))}
    assert others <= {
        "TABLE",
        "PATH",
        "LANG",
        "LC_CTYPE",
        "TZ",
        "HOME",
        "TMPDIR",
        "PYTHONPATH",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
    assert "SECRET_OF_THE_PARENT" not in found


def test_a_worker_runs_the_package_and_never_the_checkout(workers: LambdaWorkers) -> None:
    code = """
import importlib.util
def handler(event, context):
    import logs
    return [logs.WHOSE, importlib.util.find_spec("pipeline") is None, importlib.util.find_spec("stages") is None]
"""
    packaged = function(code, files={"logs": "WHOSE = 'package'"})
    assert answer_of(workers.invoke(packaged, b"{}")) == ["package", True, True]


LOOKS = """
import json, os, random, sys, tempfile, threading, time
def handler(event, context):
    main = sys.modules["__main__"]
    return {
        "arguments": sys.argv, "folder": os.getcwd(), "name": __name__, "main": [main.__name__, main.__file__],
        "path": sys.path, "finders": [name for f in sys.meta_path if "_Six" not in (name := type(f).__name__)],
        "leads": os.getpid() == os.getpgrp() == os.getsid(0), "input": sys.stdin.read(), "zone": time.tzname,
        "encodings": [sys.stdout.encoding, sys.getfilesystemencoding()], "blocks": sys.stdout.line_buffering,
        "threads": [t.name for t in threading.enumerate()],
        "descriptors": sorted(os.readlink(f"/proc/self/fd/{fd}").partition(":")[0] for fd in range(30)
            if os.path.exists(f"/proc/self/fd/{fd}")),
        "environment": sorted(os.environ), "temporary": tempfile.gettempdir() == os.environ["TMPDIR"],
        "ours": [name for name in sys.modules if name.partition(".")[0] in ("pipeline", "stages", "tests")],
        "warm": "boto3" in sys.modules, "seed": sys.flags.hash_randomization, "chance": random.random(),
    }
"""


def test_a_function_finds_in_a_forked_process_what_it_finds_in_a_new_one(workers: LambdaWorkers) -> None:
    # PYTHONHASHSEED is read at the start of Python alone: so this one is no fork.
    new = answer_of(workers.invoke(function(LOOKS, environment=(("PYTHONHASHSEED", "0"),)), b"{}"))
    forks = [answer_of(workers.invoke(function(LOOKS + end), b"{}")) for end in ("", "\n")]
    new["environment"].remove("PYTHONHASHSEED")
    assert [each.pop("warm") for each in (new, *forks)] == [False, True, True]
    assert [each.pop("seed") for each in (new, *forks)] == [0, 1, 1]
    assert len({each.pop("chance") for each in (new, *forks)}) == 3
    for each in (new, *forks):
        folder = each.pop("folder")
        each["path"] = ["the package" if entry == folder else entry for entry in each["path"]]
    assert forks[0] == forks[1] == new
    assert new["ours"] == []
    # Standard input; both outputs and the lifeline; what the runtime's client opens.
    assert new["descriptors"] == ["/dev/null", *["pipe"] * 3, *["socket"] * 3]
    assert new["threads"] == ["MainThread", "lifeline"]


def test_what_a_function_brings_comes_before_what_is_loaded_already(workers: LambdaWorkers) -> None:
    code = "import sys{0}\ndef handler(event, context): return sys.modules['{1}'].OWN"
    # Python itself imports the last.
    for name, imported in (
        ("boto3", ", boto3"),
        ("pydantic", ", pydantic"),
        ("select", ", select"),
        ("sitecustomize", ""),
    ):
        packaged = function(code.format(imported, name), files={name: "OWN = __name__"})
        assert answer_of(workers.invoke(packaged, b"{}")) == name


def test_variables_that_python_or_c_read_at_their_start_count(workers: LambdaWorkers) -> None:
    code = "import sys, time\ndef handler(event, context): return [sys.flags.optimize, time.tzname[0]]"
    for own, found in (({}, [0, "UTC"]), ({"TZ": "Asia/Tokyo"}, [0, "JST"]), ({"PYTHONOPTIMIZE": "2"}, [2, "UTC"])):
        assert answer_of(workers.invoke(function(code, environment=tuple(own.items())), b"{}")) == found


def test_workers_are_forked_from_a_process_without_threads(workers: LambdaWorkers) -> None:
    parent = "import os\ndef handler(event, context): return os.getppid()"
    found = {answer_of(workers.invoke(function(parent + end), b"{}")) for end in ("", "\n")}
    assert len(found) == 1
    assert len(os.listdir(f"/proc/{found.pop()}/task")) == 1


def test_context_tells_deadline_request_and_function(workers: LambdaWorkers) -> None:
    code = """
def handler(event, context):
    remaining = context.get_remaining_time_in_millis()
    return remaining, context.aws_request_id, context.function_name, context.memory_limit_in_mb
"""
    answer = workers.invoke(function(code, timeout_s=7), b"{}", "the-request")
    remaining, request_id, name, memory = answer_of(answer)
    assert 6000 < remaining <= 7000
    assert (request_id, name, memory) == ("the-request", "probe", "128")


def test_code_that_is_no_zip_is_refused(workers: LambdaWorkers) -> None:
    with pytest.raises(Misconfigured, match="not a zip"):
        workers.invoke(function(ECHO, code=b"nonsense", code_sha="nonsense"), b"{}")


def test_stopping_ends_what_runs_and_refuses_the_rest(workers: LambdaWorkers, tmp_path: Path) -> None:
    code = f"import time\ndef handler(event, context):\n open({str(tmp_path / 'runs')!r}, 'w')\n time.sleep(600)"
    sleepy = function(code, timeout_s=900)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(workers.invoke(sleepy, b"{}")))
    caller.start()
    until((tmp_path / "runs").exists)
    pids = workers.processes()
    workers.stop()
    caller.join(PATIENCE_S)
    assert answer_of(answers[0])["errorType"] == "Runtime.ExitError"
    assert not any(_runs(pid) for pid in pids)
    with pytest.raises(Refused):
        workers.invoke(sleepy, b"{}")


def test_killing_the_parent_leaves_no_worker_and_none_of_its_children(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path[:0] = {[str(ROOT)]!r}
from pathlib import Path
from tests.emulator.awslambda.lambda_parts import function
from pipeline.core.lake_key import own_key
from pipeline.emulator.fair_queue import asker
from pipeline.emulator.awslambda.functions import Layer, Throttled
from pipeline.emulator.awslambda.worker_pool import LambdaWorkers
workers = LambdaWorkers("http://127.0.0.1:9", Path({str(tmp_path)!r}), lambda *_: None)
workers.start()
code = "import os, subprocess\\ndef handler(e, c): return [os.getpid(), subprocess.Popen(['sleep', '600']).pid]"
print(workers.invoke(function(code), b"{{}}").payload.decode(), flush=True)
import time; time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = json.loads(parent.stdout.readline())
    assert len(pids) == 2
    assert all(_runs(pid) for pid in pids)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not any(_runs(pid) for pid in pids))


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
