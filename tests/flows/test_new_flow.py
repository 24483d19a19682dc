"""A new flow is its stages, its library, its stack and its machine: nothing else has to know of it.

The flow in `echo` is laid over a copy of this checkout, as files that are not there, and everything shows it.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.templates import load_template
from pipeline.console.console import Console
from pipeline.core.clients import client
from pipeline.deploy.packaging import Package, Target, package
from pipeline.operate.flows import flows_of
from tests.console.conftest import TOKEN, Visitor, url, visitor
from tests.house import import_rules
from tests.patience import until
from tests.templates import access_rules, flow_rules  # noqa: F401  register their rules
from tests.templates.rules import complaints
from tests.whole_lake.conftest import RunningLake, checkout_of, point_at, running

assert url
assert visitor

ECHO = Path(__file__).with_name("echo")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = checkout_of(tmp_path_factory.mktemp("flow"))
    for path in ECHO.rglob("*.*"):
        if path.is_file() and path.suffix != ".pyc":
            to = root / path.relative_to(ECHO)
            assert not to.exists(), "a flow is files of its own"
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    return root


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield monkeypatch


@pytest.fixture(scope="module")
def lake(checkout: Path, monkeypatch_module: pytest.MonkeyPatch) -> Iterator[RunningLake]:
    with running(checkout) as started:
        point_at(started, monkeypatch_module)
        yield started
        client.cache_clear()


@pytest.fixture(scope="module")
def console(lake: RunningLake) -> Console:
    return Console(lambda: lake.connected, allow_changes=True, token=TOKEN)


def told(lake: RunningLake, *arguments: str) -> Any:
    """What a command of `sluice` answers as JSON."""
    done = lake.sluice(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def send(lake: RunningLake, body: str) -> None:
    client("sqs").send_message(QueueUrl=flows_of(lake.lake).queues["echo"], MessageBody=body)


def said(lake: RunningLake, body: str) -> str | None:
    """The name of the execution that said `body` again, once it has."""
    states, machine = client("stepfunctions"), flows_of(lake.lake).machines["echo"].arn
    ended = states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
    for each in ended:
        output = json.loads(states.describe_execution(executionArn=each["executionArn"])["output"])
        if output == {"said": f"{body}, {body}"}:
            return str(each["name"])
    return None


@pytest.fixture(scope="module")
def execution(lake: RunningLake) -> str:
    """One that ended well."""
    send(lake, "good morning")
    until(lambda: said(lake, "good morning"))
    name = said(lake, "good morning")
    assert name
    return name


def test_status_shows_its_queues_and_lists_its_executions(lake: RunningLake, execution: str) -> None:
    status = told(lake, "status")
    assert [(q["dead_letters"], q["waiting"]) for q in status["queues"] if q["name"] == "echo"] == [
        (False, 0),
        (True, 0),
    ]
    listed = told(lake, "executions", "--machine", "echo")
    assert {"name": execution, "machine": "echo", "status": "SUCCEEDED"}.items() <= next(
        each for each in listed if each["name"] == execution
    ).items()
    assert execution in [each["name"] for each in told(lake, "executions")], "also where no machine is named"
    assert told(lake, "execution", execution)["machine"] == "echo"


def test_logs_show_what_its_functions_printed_by_name_and_by_execution(lake: RunningLake, execution: str) -> None:
    def lines(*arguments: str) -> list[tuple[str, str]]:
        shown = told(lake, "logs", *arguments)
        return [(each["source"], json.loads(each["message"])["message"]) for each in shown if each["message"][0] == "{"]

    until(lambda: ("hear", "heard") in lines("hear"))
    until(lambda: ("say", "said again") in lines("--execution", execution))
    assert {source for source, _ in lines("--execution", execution)} == {"say"}, "what the machine calls"


def test_dead_letters_need_attention_and_are_sent_back_where_they_came_from(lake: RunningLake) -> None:
    dead = flows_of(lake.lake).dead_letters["echo"]
    client("sqs").send_message(QueueUrl=dead.url, MessageBody="good night")
    [issue] = [each for each in told(lake, "status")["attention"] if each["status"] == "DEAD_LETTERS"]
    assert issue["dataset"] is None
    assert "sluice logs hear" in issue["todo"]
    assert "sluice redrive --queue echo" in issue["todo"]
    assert told(lake, "redrive", "--queue", "echo") == {"messages": 1}
    until(lambda: said(lake, "good night"))
    assert not [each for each in told(lake, "status")["attention"] if each["status"] == "DEAD_LETTERS"]


def test_a_message_that_fails_comes_back_alone(lake: RunningLake) -> None:
    event = {
        "Records": [
            {"messageId": name, "body": body, "eventSource": "aws:sqs"} for name, body in (("1", " "), ("2", "so long"))
        ]
    }
    function = flows_of(lake.lake).functions["hear"]
    answer = client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    until(lambda: said(lake, "so long"))


def test_the_lake_is_settled_only_when_the_flow_is(lake: RunningLake, execution: str) -> None:
    lake.settle()


def test_the_console_shows_its_machine_executions_queues_and_logs(
    lake: RunningLake, execution: str, visitor: Visitor
) -> None:
    assert visitor.document("/executions")["machines"] == {"a": "Stage A", "b": "Stage B", "echo": "echo"}
    assert execution in [each["name"] for each in visitor.document("/executions", machine="echo")["executions"]]
    assert visitor.document("/machines/echo")["statuses"]["SUCCEEDED"] >= 1
    page = visitor.document(f"/executions/{execution}")
    assert (page["machine"], page["functions"], page["logs"]) == ("echo", ["say"], {"Say it again": "say"})
    assert f"/logs?execution={execution}" in visitor.get(f"/executions/{execution}").text
    queues = visitor.document("/queues")
    for kind in ("queues", "dead"):
        [shown] = [each for each in queues[kind] if each["name"] == "echo"]
        assert not shown["is_dataset"]
    assert visitor.document("/queues/echo")["log"] == "hear"
    assert {"hear", "say"} <= set(visitor.document("/logs")["sources"])


@pytest.fixture(scope="module")
def packaged(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    return package(checkout, tmp_path_factory.mktemp("packaged") / "package", target=Target.EMBEDDED)


def test_the_package_has_its_stack_and_of_its_functions_what_they_import(packaged: Package) -> None:
    assert "echo.yaml" in [path.name for path in packaged.of_the_lake()]
    code = load_template(packaged["echo"].path)["Resources"]["HearFunction"]["Properties"]["CodeUri"]
    content = packaged.artefact(code["Key"])
    assert content is not None
    names = {name for name in zipfile.ZipFile(io.BytesIO(content)).namelist() if name.endswith(".py")}
    assert {"stages/echo/hear.py", "pipeline/echo/services.py", "pipeline/core/events/records.py"} <= names
    assert not [name for name in names if name.startswith(("pipeline/lake/", "stages/stage_a/"))]


def test_its_template_and_its_imports_keep_the_rules_of_the_house(checkout: Path) -> None:
    assert complaints(checkout / "definitions" / "stacks" / "echo.yaml") == []
    assert list(import_rules.broken(checkout)) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("pipeline/echo/services.py", "import pipeline.lake.services"),
        ("pipeline/echo/services.py", "import pipeline.operate.flows"),
        ("stages/echo/say.py", "import pipeline.lake.services"),
        ("stages/echo/say.py", "import stages.stage_a.failure"),
        ("stages/stage_a/failure.py", "import pipeline.echo.services"),
        ("pipeline/lake/routing.py", "import pipeline.echo.services"),
        ("pipeline/operate/flows.py", "import pipeline.echo.services"),
    ],
)
def test_a_flow_imports_no_other_and_nothing_but_its_stages_imports_it(checkout: Path, file: str, line: str) -> None:
    path = checkout / file
    before = path.read_text()
    assert list(import_rules.complaints(checkout, path)) == []
    try:
        path.write_text(f"{before}\n{line}\n")
        [complaint] = import_rules.complaints(checkout, path)
    finally:
        path.write_text(before)
    assert complaint.startswith(f"{file}: imports {line.removeprefix('import ')}")


def test_a_room_that_is_no_flow_needs_a_list_of_what_it_may_import(tmp_path: Path) -> None:
    (tmp_path / "pipeline" / "echo").mkdir(parents=True)
    (tmp_path / "pipeline" / "echo" / "__init__.py").touch()
    assert list(import_rules.broken(tmp_path)) == ["pipeline/echo: a room without a list and without stages"]
