"""Who mistypes a type or a property is told the line, and what was perhaps meant: for every type that there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cloudformation import property_shapes
from pipeline.cloudformation.lines import line
from pipeline.cloudformation.sam import transformed
from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation import template_checks
from pipeline.emulator.cloudformation.resource_types import REGISTRY
from tests.conftest import ROOT

ALL = sorted(name for name, kind in REGISTRY.items() if property_shapes.FREE not in kind.known() and kind.known())
FUNCTION = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.12, CodeUri: "s3://b/k"}
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Events:
        Each:
          Type: SQS
          Properties: {Queue: arn, BatchSize: 1}
"""


def refusal(text: str, folder: Path) -> str:
    path = folder / "small.yaml"
    path.write_text(text)
    template, file = template_checks.read(path)
    with pytest.raises(BadDefinition) as raised:
        template_checks.check(transformed(template, {}, "eu-west-1", file), file)
    return raised.value.message.removeprefix(str(path))


def mistyped(name: str) -> str:
    return f"{name[:-2]}{name[-1]}{name[-2]}" if name[-1] != name[-2] else f"{name}{name[-1]}"


@pytest.mark.parametrize("kind", ALL)
def test_every_property_of_every_type(kind: str, tmp_path: Path) -> None:
    for name in REGISTRY[kind].known():
        template = {"Resources": {"It": {"Type": kind, "Properties": {mistyped(name): 1}}}}
        told = refusal(yaml.safe_dump(template), tmp_path)
        assert told.startswith(f":4: It.Properties.{mistyped(name)}: this property of {kind} is not honoured")
        assert "; did you mean " in told


@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_every_type(kind: str, tmp_path: Path) -> None:
    told = refusal(json.dumps({"Resources": {"It": {"Type": mistyped(kind)}}}, indent=1), tmp_path)
    assert told == f":4: It.Type: the embedded deployer does not know the type {mistyped(kind)}; did you mean {kind}?"


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("Type: AWS::Serverless::Function", "Type: AWS::Serverless::Functoin", ":6: Work.Type: .*::Functoin; did you"),
        ("Handler: a.b", "Handlr: a.b", r":8: Work.Properties.Handlr: .* did you mean Handler\?"),
        ("BatchSize: 1", "BatchSise: 1", r":12: Work.Properties.Events.Each.Properties.BatchSise: .* mean BatchSize\?"),
        ("{Runtime:", "{Runtme:", r":3: Globals.Function.Runtme: SAM's Globals have no .*; did you mean Runtime\?$"),
        ("Properties:\n", "Propertys:\n", ":5: Work"),
        ("      Handler: a.b\n", "", ":5: Work: .*Handler"),
    ],
)
def test_what_sam_translates_is_told_by_its_place_in_the_file(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    import re

    assert re.match(told, refusal(FUNCTION.replace(right, wrong, 1), tmp_path))


def test_nothing_is_proposed_for_a_name_that_is_like_none(tmp_path: Path) -> None:
    told = refusal("Resources: {It: {Type: AWS::SQS::Queue, Properties: {Colour: red}}}", tmp_path)
    assert "did you mean" not in told


def test_the_line_is_found_within_lists_conditions_and_short_forms(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        "Resources:\n  Raw:\n    Properties:\n      Rules:\n      - Status: Enabled\n      - !If\n"
        "        - Odd\n        - Status: No\n        - Other: !Sub x\n"
    )
    way = ("Resources", "Raw", "Properties", "Rules", "[1]")
    assert [line(str(path), way), line(str(path), (*way, "Other")), line(str(path), (*way, "Absent"))] == [6, 9, 6]
    assert line(str(path), ("Resources", "Absent")) is None
    assert line("nowhere.yaml", way) is None


def test_a_file_that_is_named_from_the_checkout_is_found_from_within_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "definitions" / "datasets")
    name = "definitions/stacks/storage.yaml"
    resources: dict[str, Any] = template_checks.read(ROOT / name)[0]["Resources"]
    first = next(iter(resources))
    at = line(name, ("Resources", first))
    assert at is not None
    assert (ROOT / name).read_text().splitlines()[at - 1].strip() == f"{first}:"
