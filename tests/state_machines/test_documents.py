"""What the state machines and the schedules read and write are fields of the documents that cross the processes."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from pipeline.cloudformation.functions import functions
from pipeline.core.clients import client
from pipeline.core.dynamo import encode
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.records import BatchRecords, Verdict, batch_item
from pipeline.lake.messages.stage_a import StageAInput, StageAWork
from pipeline.lake.messages.stage_b import StageBInput
from pipeline.lake.messages.written import Written
from tests.conftest import ROOT, load_template
from tests.templates.rendering import rendered

from .walking import NoSuchField, State, Walk, states

STACKS = ROOT / "definitions" / "stacks"
MACHINES = sorted((ROOT / "definitions" / "state_machines").glob("*.asl.json"))
HANDLERS = {function.logical_id: function.handler for function in functions(STACKS)}
SUBSTITUTED = {
    name: value
    for path in STACKS.glob("*.yaml")
    for resource in load_template(path.name)["Resources"].values()
    for name, value in resource.get("Properties", {}).get("DefinitionSubstitutions", {}).items()
}
"""What the templates put in the place of the names in the definitions."""

WORK = StageAWork(ObjectVersion("raw", "shop/orders/a.csv", "v1"), 1, 1767225600000, 512)
GROUP = StageAInput("shop/orders", "append", {"format": "csv"}, {"id": {"type": "bigint"}}, "https://q", (WORK,), 1)
BATCH = StageBInput(
    "01J", "shop/orders", "s3://staging/m.json", "db.orders", True, "4", "G.1X", "FLEX", False, "parquet"
)
INPUTS: dict[str, list[Any]] = {
    # As this release writes them, and with all left out that an earlier one, or a dataset, does not say.
    "stage_a": [
        GROUP.to_json(),
        StageAInput.from_json({**GROUP.to_json(), "together": None}).to_json(),
        replace(GROUP, by_job=True).to_json(),
    ],
    "stage_b": [BATCH.to_json(), StageBInput("01J", "shop/orders", "s3://m", "db.orders", False).to_json()],
}


def machine(path: Path) -> dict[str, Any]:
    """A definition with the values that its template gives; `${Name}` stays where they are names of resources."""
    text = path.read_text().replace('"${GlueWorkers}"', '"4"').replace('"${GlueWorkerType}"', '"G.1X"')
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def handler_of(name: str) -> str:
    """The handler of the function whose name a definition writes as `${Name}`."""
    return HANDLERS[SUBSTITUTED[name.strip("${}")]["Ref"].partition(".")[0]]


def document_of(handler: str) -> Any:
    """The type as which a handler reads its event."""
    module, _, name = handler.rpartition(".")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    [function] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    read = {
        node.func.value.id
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "from_json"
        and isinstance(node.func.value, ast.Name)
        and [ast.unparse(each) for each in node.args] == ["event"]
    }
    assert len(read) == 1, f"{handler} reads its event as {read or 'no document'}"
    return getattr(import_module(module), read.pop())


def uses_of_event(handler: str) -> int:
    """How often a handler says `event`."""
    module, _, name = handler.rpartition(".")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    [function] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return sum(isinstance(node, ast.Name) and node.id == "event" for node in ast.walk(function))


def answer_of(handler: str) -> dict[str, Any]:
    """An answer of a handler, by the type that it declares and mypy holds it to."""
    module, _, name = handler.rpartition(".")
    declared = get_type_hints(get_type_hints(getattr(import_module(module), name))["return"])
    values = {str: "x", int: 1, list[str]: ["x"]}
    return {field: values[kind] for field, kind in declared.items()}


class World:
    """What the tasks of the machines call: handlers' documents, and the batch's row as the jobs write it."""

    def __init__(self) -> None:
        records = BatchRecords(client("dynamodb"), "BatchesTable")
        row = {"dataset": BATCH.dataset, "item": batch_item(BATCH.batch), "status": "SEALED", "candidates": []}
        client("dynamodb").put_item(TableName="BatchesTable", Item=encode({**row, "opened": "now"}))
        records.wrote(BATCH.dataset, BATCH.batch, Written("jr", "b", 1, 2, 3))
        records.judged(BATCH.dataset, BATCH.batch, Verdict(2, "PASSED"))
        key = {"path": WORK.object.path, "version_id": WORK.object.version_id}
        client("dynamodb").put_item(TableName="ObjectsTable", Item=encode({**key, "status": "STAGED"}))
        self.sent: list[tuple[str, Any]] = []

    def answers(self, state: State, given: Any) -> list[Any]:
        service = state["Resource"].rpartition(":::")[2]
        by_service = {
            "lambda:invoke": self._invoke,
            "dynamodb:getItem": self._get,
            "glue:startJobRun.sync": self._run,
            "aws-sdk:glue:startCrawler": lambda _: [{}],
            "aws-sdk:glue:getCrawler": lambda _: [
                {"Crawler": {"State": "READY", "LastCrawl": {"Status": "SUCCEEDED"}}}
            ],
        }
        return by_service[service](given)

    def _invoke(self, given: Any) -> list[Any]:
        handler = handler_of(given["FunctionName"])
        self.sent.append((handler, given["Payload"]))
        return [{"Payload": answer_of(handler)}]

    def _get(self, given: Any) -> list[Any]:
        found = client("dynamodb").get_item(**{**given, "TableName": given["TableName"].strip("${}")})
        # A job may leave its facts out. An object's row is never removed.
        return [{"Item": found["Item"]}, *([{}] if given["TableName"] == "${BatchesTable}" else [])]

    def _run(self, given: Any) -> list[Any]:
        script = SUBSTITUTED[given["Arguments"]["--scriptLocation"].strip("${}")]
        names = import_module(script.removeprefix("../../").removesuffix(".py").replace("/", ".")).ARGUMENTS
        # Glue says by itself which job it is.
        assert {f"--{name}" for name in names} - {"--JOB_NAME"} <= given["Arguments"].keys()
        return [{"Id": "jr_1", "JobRunState": "SUCCEEDED"}]


@pytest.fixture
def world(catalog_tables: dict[str, str]) -> World:
    return World()


def walked(path: Path, document: Any, world: World) -> Walk:
    walk = Walk(world.answers)
    walk.outputs(machine(path), document, {"Execution": {"Name": "run-1", "Id": "arn:aws:states:::execution:a:run-1"}})
    return walk


def test_every_state_machine_has_a_document_for_its_input() -> None:
    assert [path.name.removesuffix(".asl.json") for path in MACHINES] == sorted(INPUTS)


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_every_path_of_a_state_machine_is_a_field_of_what_the_state_gets(path: Path, world: World) -> None:
    visited: set[str] = set()
    for document in INPUTS[path.name.removesuffix(".asl.json")]:
        visited |= walked(path, document, world).visited
    assert visited == {name for name, _ in states(machine(path))}


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_what_a_state_machine_gives_a_function_is_the_document_that_it_reads(path: Path, world: World) -> None:
    walked(path, INPUTS[path.name.removesuffix(".asl.json")][0], world)
    called = {
        state["Parameters"]["FunctionName"]
        for _, state in states(machine(path))
        if "FunctionName" in str(state) and state["Type"] == "Task"
    }
    assert {handler for handler, _ in world.sent} == set(map(handler_of, called))
    for handler, payload in world.sent:
        assert document_of(handler).from_json(payload).to_json() == payload, handler
        assert uses_of_event(handler) == 1, f"{handler} reads its event beside the document"


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_a_field_that_is_missing_is_found(path: Path, world: World) -> None:
    document = dict(INPUTS[path.name.removesuffix(".asl.json")][0])
    del document["dataset"]
    with pytest.raises(NoSuchField, match="there is no dataset in"):
        walked(path, document, world)


def test_what_a_schedule_gives_a_function_is_the_document_that_it_reads() -> None:
    resources = {name: each for path in sorted(STACKS.glob("*.yaml")) for name, each in rendered(path).items()}
    stored = {
        each["Properties"]["Name"]: each["Properties"]["Value"]
        for each in resources.values()
        if each["Type"] == "AWS::SSM::Parameter"
    }
    schedules = [each for each in resources.values() if each["Type"] == "AWS::Scheduler::Schedule"]
    read = set()
    for schedule in schedules:
        target = schedule["Properties"]["Target"]
        # Published in Parameter Store where the function stands in another stack.
        arn = target["Arn"]
        alias = stored[arn.removeprefix("{{resolve:ssm:").removesuffix("}}")] if arn.startswith("{{") else arn
        handler = HANDLERS[resources[alias]["Properties"]["FunctionName"]]
        document = json.loads(target["Input"])
        if not document:
            assert uses_of_event(handler) == 0, f"{handler} reads an event that its schedule leaves empty"
            continue
        # A template has no way to leave out what a dataset does not say.
        document["stage_b"] = {name: value for name, value in document["stage_b"].items() if value is not None}
        assert document_of(handler).from_json(document).to_json() == document
        read.add(handler)
    assert read
