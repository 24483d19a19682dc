"""Imports run one way (docs/design.md, Layout)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A module may import from its own layer and from those before it.
LAYERS: list[set[str]] = [
    {"errors", "clock", "objects"},
    {"settings", "environments", "clients", "dynamo", "queues", "events", "datasets", "telemetry"},
    {"routing"},
    {"catalog", "tables", "quality"},
    {"executions"},
    {"batches"},
    {"wiring"},
    {"settling", "views", "connecting"},
    {"mending"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
OUTSIDE = {"local", "cli", "console", "packaging"}


def modules(folder: str) -> list[Path]:
    return sorted(p for p in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(name: str) -> str | None:
    pieces = name.split(".")
    return pieces[1] if pieces[0] == "pipeline" and len(pieces) > 1 else None


@pytest.mark.parametrize("path", modules("pipeline"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_library_imports_only_from_layers_below(path: Path):
    own = path.relative_to(ROOT / "pipeline").parts[0].removesuffix(".py")
    for name in imported(path):
        assert not name.startswith("stages"), f"{path} imports {name}"
        target = part(name)
        if target is None or own in OUTSIDE or own == "__init__":
            continue
        assert target not in OUTSIDE, f"{path} imports {name}"
        if target in LEVEL:
            assert LEVEL[target] <= LEVEL[own], f"{path} imports {name} from a layer above"


@pytest.mark.parametrize("path", modules("stages"), ids=lambda p: str(p.relative_to(ROOT)))
def test_stages_never_import_each_other_or_the_embedded_aws(path: Path):
    own = path.relative_to(ROOT / "stages").parts[0]
    for name in imported(path):
        if name.startswith("stages.") and own != "__init__.py":
            assert name.split(".")[1] == own, f"{path} imports {name}"
        assert part(name) not in OUTSIDE, f"{path} imports {name}"


def test_only_the_clients_module_makes_clients():
    allowed = {"clients.py"}
    for path in modules("pipeline") + modules("stages"):
        relative = path.relative_to(ROOT)
        if relative.name in allowed or relative.parts[1] in ("local", "packaging"):
            continue
        assert "boto3.client(" not in path.read_text(), f"{relative} makes a client of its own"


def test_only_settings_reads_the_environment():
    for path in modules("pipeline") + modules("stages"):
        relative = path.relative_to(ROOT)
        if relative.name == "settings.py" or relative.parts[1] in ("local", "packaging") or "jobs" in relative.parts:
            continue
        assert "os.environ" not in path.read_text(), f"{relative} reads the environment"


def test_nothing_deployed_knows_whether_it_runs_locally():
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
