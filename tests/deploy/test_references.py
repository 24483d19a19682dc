"""CloudFormation takes 60 dynamic references a template, what SAM makes of it counted ("General considerations")."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cloudformation.parameters import values
from pipeline.cloudformation.sam import transformed
from pipeline.cloudformation.templates import load_template
from pipeline.deploy.packaging import Target, package
from pipeline.deploy.packaging.package import LAKE, once
from tests.templates.rendering import GIVEN, PARTITIONS, rendered

ROOT = Path(__file__).parents[2]
STACKS = sorted((ROOT / "definitions" / "stacks").glob("*.yaml"))
MOST = 60


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = package(ROOT, tmp_path_factory.mktemp("references") / "package", target=Target.EMBEDDED)
    return made.folder / "templates"


@pytest.mark.thorough
@pytest.mark.parametrize("stack", [path.stem for path in STACKS if once(load_template(path), path) == LAKE])
def test_a_packaged_template_has_a_parameter_for_each_name_and_no_reference(packaged: Path, stack: str) -> None:
    source = load_template(packaged / f"{stack}.yaml")
    declared = source.get("Parameters", {})
    assert len(declared) <= 200
    given = {name: GIVEN.get(name, "value") for name, each in declared.items() if "Default" not in each}
    known = values(declared, given, str, stack)
    expanded = transformed(source, known, PARTITIONS["aws"], stack)
    assert json.dumps(expanded).count("{{resolve:") == 0
    named = source.get("Metadata", {}).get("SluiceStore", {})
    assert set(named) <= set(declared)
    text = (ROOT / "definitions" / "stacks" / f"{stack}.yaml").read_text()
    assert all(name in text for name in named.values())


@pytest.mark.parametrize(
    "path",
    [*(path for path in STACKS if once(load_template(path), path) != LAKE), ROOT / "cicd" / "bootstrap.yaml"],
    ids=lambda path: path.stem,
)
def test_what_is_deployed_as_it_stands_is_within_the_limit(path: Path) -> None:
    assert json.dumps(rendered(path)).count("{{resolve:") <= MOST
