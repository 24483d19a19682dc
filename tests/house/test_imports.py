"""Imports run one way: which room may import which is listed here, and the whole code is held to the list."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "toolchain": {"core"},
    "state_machines": {"core"},
    "cloudformation": {"core", "state_machines"},
    "lake": {"core"},
    "stages": {"core", "lake"},
    "operate": {"core", "lake", "state_machines"},
    "emulator": {"core", "toolchain", "state_machines", "cloudformation"},
    "deploy": {"core", "lake", "toolchain", "cloudformation", "operate"},
    "console": {"core", "lake", "operate", "state_machines"},
    "cli": {
        "core",
        "lake",
        "toolchain",
        "state_machines",
        "cloudformation",
        "operate",
        "emulator",
        "deploy",
        "console",
    },
}
"""What each room of `pipeline`, and `stages`, may import besides itself."""

MAY_IMPORT_MODULE: dict[str, set[str]] = {
    # What deploys to AWS knows nothing of the embedded one.
    "pipeline.deploy.embedded": {"emulator"},
    "pipeline.deploy.buildspecs": {"emulator"},
}
"""What single modules may import besides."""

LAKE: list[set[str]] = [
    {"datasets", "quality"},
    {"messages"},
    {"routing"},
    {"catalog", "tables"},
    {"batches"},
    {"services"},
]
"""Within `lake`, a module imports from its own floor and from those before it."""


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str | None:
    """The room of a module of ours; None for others' modules and for `pipeline` itself."""
    pieces = module.split(".")
    if pieces[0] == "stages":
        return "stages"
    return pieces[1] if pieces[0] == "pipeline" and len(pieces) > 1 else None


def test_every_room_has_its_list_and_no_list_is_without_a_room() -> None:
    rooms = {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert rooms | {"stages"} == set(MAY_IMPORT)
    assert {path.name for path in (ROOT / "pipeline").glob("*.py")} == {"__init__.py"}


@pytest.mark.parametrize("path", modules("pipeline") + modules("stages"), ids=dotted)
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    own = room(dotted(path))
    if own is None:
        assert not list(imported(path))
        return
    allowed = {own} | MAY_IMPORT[own] | MAY_IMPORT_MODULE.get(dotted(path), set())
    assert {each for each in imported(path) if (room(each) or own) not in allowed} == set()


def test_no_room_may_import_what_it_does_not() -> None:
    used: dict[str, set[str]] = {name: set() for name in MAY_IMPORT}
    for path in modules("pipeline") + modules("stages"):
        if own := room(dotted(path)):
            used[own] |= {found for each in imported(path) if (found := room(each))}
    assert {name: allowed - used[name] for name, allowed in MAY_IMPORT.items() if allowed - used[name]} == {}


@pytest.mark.parametrize("path", modules("pipeline/lake"), ids=dotted)
def test_the_lake_imports_only_from_its_floors_below(path: Path) -> None:
    floor = {name: level for level, names in enumerate(LAKE) for name in names}
    pieces = dotted(path).split(".")
    for each in imported(path):
        target = each.split(".")
        if len(pieces) > 2 and target[:2] == ["pipeline", "lake"] and len(target) > 2:
            assert floor[target[2]] <= floor[pieces[2]], f"{path} imports {each} from a floor above"


@pytest.mark.parametrize("path", modules("stages"), ids=dotted)
def test_stages_never_import_each_other(path: Path) -> None:
    own = dotted(path).split(".")[1:2]
    for each in imported(path):
        if own and each.startswith("stages."):
            assert each.split(".")[1:2] == own, f"{path} imports {each}"


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
