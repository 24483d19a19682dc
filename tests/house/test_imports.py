"""Imports run one way: which room may import which is listed here, and the whole code is held to the list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.house import import_rules
from tests.house.findings import assert_none
from tests.house.import_rules import MAY_IMPORT, imported, room

ROOT = Path(__file__).resolve().parents[2]

LAKE: list[set[str]] = [
    {"datasets", "quality", "settings"},
    {"files", "messages", "transforms"},
    {"proposals", "routing"},
    {"catalog", "tables", "teams"},
    {"batches", "causes", "manifested"},
    {"services"},
]
"""Within `lake`, a module imports from its own floor and from those before it."""


def modules(*folders: str) -> list[Path]:
    return import_rules.modules(ROOT, *folders)


def dotted(path: Path) -> str:
    return import_rules.dotted(ROOT, path)


def test_every_room_has_its_list_or_is_a_flow_and_no_list_is_without_a_room() -> None:
    rooms = {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert (rooms | {"stages"}) - import_rules.flows(ROOT) == set(MAY_IMPORT)
    assert {path.name for path in (ROOT / "pipeline").glob("*.py")} == {"__init__.py"}
    assert [name for name in import_rules.flows(ROOT) if not (ROOT / "stages" / name).is_dir()] == []


def test_a_module_imports_only_what_its_room_may() -> None:
    assert_none(import_rules.broken(ROOT))


def test_no_room_may_import_what_it_does_not() -> None:
    used: dict[str, set[str]] = {name: set() for name in MAY_IMPORT.keys() | import_rules.flows(ROOT)}
    for path in modules("pipeline") + modules("stages"):
        if own := room(dotted(path)):
            used[own] |= {found for each in imported(path) if (found := room(each))}
    assert {name: allowed - used[name] for name, allowed in MAY_IMPORT.items() if allowed - used[name]} == {}


def test_what_people_do_with_a_flow_lies_in_a_folder_of_its_name() -> None:
    for tools in import_rules.TOOLS:
        assert "feeds" in import_rules.allowed(ROOT, f"pipeline.{tools}.feeds.state")
        assert "feeds" not in import_rules.allowed(ROOT, f"pipeline.{tools}.status")
        assert "feeds" not in import_rules.allowed(ROOT, f"pipeline.{tools}.datasets.feeds")
    assert "feeds" not in import_rules.allowed(ROOT, "pipeline.lake.feeds.state")


def test_the_lake_imports_only_from_its_floors_below() -> None:
    assert_none(_climbing())


def _climbing() -> Iterator[str]:
    floor = {name: level for level, names in enumerate(LAKE) for name in names}
    for path in modules("pipeline/lake"):
        pieces = dotted(path).split(".")
        for each in imported(path):
            target = each.split(".")
            within = len(pieces) > 2 and target[:2] == ["pipeline", "lake"] and len(target) > 2
            if within and floor[target[2]] > floor[pieces[2]]:
                yield f"{'.'.join(pieces)} imports {each} from a floor above"


def test_a_service_of_the_embedded_aws_has_a_folder_of_known_parts() -> None:
    """`resources` has what the deployer makes of it, `patches` what is changed in moto; the rest is its runtime."""
    emulator = ROOT / "pipeline" / "emulator"
    makers = {path.parent.name for path in emulator.rglob("*resources.py")}
    assert makers <= {path.name for path in emulator.iterdir()}
    assert not [path for path in emulator.rglob("patches") if path.parent.parent != emulator]


def test_only_the_clients_module_makes_clients() -> None:
    for path in modules("pipeline") + modules("stages"):
        if path.name != "clients.py" and room(dotted(path)) not in ("emulator", "deploy"):
            assert "boto3.client(" not in path.read_text(), f"{path} makes a client of its own"


def test_only_settings_reads_the_environment() -> None:
    outside = ("emulator", "deploy", "toolchain")
    for path in modules("pipeline") + modules("stages"):
        if path.name != "settings.py" and room(dotted(path)) not in outside and "jobs" not in path.parts:
            assert "os.environ" not in path.read_text(), f"{path} reads the environment"


def test_nothing_deployed_knows_whether_it_runs_locally() -> None:
    words = ("localhost", "127.0.0.1", "moto", "is_local", "AWS_ENDPOINT_URL")
    for path in [*modules("stages"), *sorted((ROOT / "definitions").rglob("*.*"))]:
        text = path.read_text()
        assert not [word for word in words if word in text], path


def test_every_transient_class_is_retried_and_every_error_named_in_a_machine_exists():
    import json

    from pipeline.core import errors

    ours = {name for name, value in vars(errors).items() if isinstance(value, type)}
    aws = ("States.", "Lambda.", "Glue.", "DynamoDB.", "Sandbox.", "Runtime.")
    for path in sorted((ROOT / "definitions" / "state_machines").glob("*.json")):
        for state in _states(json.loads(path.read_text())):
            named = [n for rule in state.get("Retry", []) + state.get("Catch", []) for n in rule["ErrorEquals"]]
            assert all(n in ours or n.startswith(aws) for n in named), f"{path}: {named}"
            if "lambda:invoke" in state.get("Resource", ""):
                retried = {n for rule in state["Retry"] for n in rule["ErrorEquals"]}
                assert "Transient" in retried, f"{path}: {state['Comment']}"


def _states(machine: dict) -> Iterator[dict]:
    for state in machine["States"].values():
        yield state
        if "ItemProcessor" in state:
            yield from _states(state["ItemProcessor"])
