"""A version for whatever changes a function, in every stack: a value of any parameter, of any name it reads."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.functions import LAYER
from pipeline.cloudformation.sam import transformed
from pipeline.cloudformation.templates import load_template
from pipeline.cloudformation.versions import declare, parameters
from tests.conftest import ROOT
from tests.templates.rendering import GIVEN

STACKS_DIR = ROOT / "definitions" / "stacks"
STACKS = [
    path
    for path in sorted(STACKS_DIR.glob("*.yaml"))
    if "AutoPublishAlias" in load_template(path).get("Globals", {}).get("Function", {})
]
_STORED = re.compile(r"resolve:ssm:(/sluice/\$\{Env\}/[a-z0-9-]+)")
Stored = Mapping[str, str]


def template_of(path: Path, change: Callable[[dict[str, Any]], object] = len) -> dict[str, Any]:
    """A stack's template, with code as a package has it, and a `change` of its resources."""
    template = load_template(path)
    template["Globals"]["Function"]["CodeUri"] = "s3://artefacts/code.zip"
    for resource in template["Resources"].values():
        if resource["Type"] == LAYER:
            resource["Properties"]["ContentUri"] = "s3://artefacts/layer.zip"
    # They have definitions of their own, and versions that follow any change.
    template["Resources"] = {
        name: each for name, each in template["Resources"].items() if "StateMachine" not in each["Type"]
    }
    change(template["Resources"])
    declare(template)
    return template


def versions(template: Mapping[str, Any], given: Mapping[str, str], stored: Stored) -> dict[str, str]:
    """The logical id of the version of each function."""
    known = dict(given)
    known |= parameters(template, known, lambda name: stored[name])
    expanded = transformed(copy.deepcopy(dict(template)), known, "eu-west-1", "a.yaml")
    found = [name for name, each in expanded["Resources"].items() if each["Type"] == "AWS::Lambda::Version"]
    return {name[: -len("Version0123456789")]: name for name in found}


def given_to(template: Mapping[str, Any]) -> dict[str, str]:
    declared = template["Parameters"]
    defaults = {name: str(each.get("Default", "text")) for name, each in declared.items()}
    return {name: GIVEN.get(name, default) for name, default in defaults.items() if not name.endswith("Digest")}


@pytest.mark.thorough
@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_another_value_of_any_parameter_publishes_every_function(path: Path) -> None:
    template = template_of(path)
    given = given_to(template)
    before = versions(template, given, {})
    assert before
    assert versions(template, given, {}) == before
    for name in set(given) - {"Env"}:
        after = versions(template, {**given, name: f"not {given[name]}"}, {})
        assert after.keys() == before.keys()
        assert not set(after.values()) & set(before.values()), name


@pytest.mark.thorough
def test_another_value_of_a_name_in_parameter_store_publishes_every_function() -> None:
    tried = []
    for path in STACKS:
        template = template_of(path)
        given = given_to(template)
        functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
        before = versions(template, given, {})
        for name in set(_STORED.findall(str([functions, template["Globals"]]))):
            after = versions(template, given, {name.replace("${Env}", given["Env"]): "another"})
            assert not set(after.values()) & set(before.values()), name
            tried.append(name)
    assert "/sluice/${Env}/base-layer" in tried


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> set[str]:
    """The functions of which a `change` of their template publishes a version."""
    one, other = template_of(path), template_of(path, change)
    before, after = (versions(each, given_to(one), {}) for each in (one, other))
    return {name for name, version in before.items() if after[name] != version}


def test_a_change_of_one_function_publishes_that_one() -> None:
    found = changed(STACKS_DIR / "stage_a.yaml", lambda all_: all_["RouteFunction"]["Properties"].update(Timeout=7))
    assert found == {"RouteFunction"}


def test_other_content_of_a_layer_of_the_stack_publishes_every_function() -> None:
    path = STACKS_DIR / "feeds.yaml"
    assert changed(path, lambda all_: all_["FeedsLayer"]["Properties"].update(ContentUri="s3://artefacts/new.zip")) == {
        *versions(template_of(path), given_to(template_of(path)), {})
    }
