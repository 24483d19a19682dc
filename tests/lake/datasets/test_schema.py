from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipeline.lake.datasets.files import FOLDER
from pipeline.lake.datasets.model import StageB
from pipeline.lake.datasets.schema import FILE, schema, text


def test_the_schema_in_the_checkout_is_what_the_model_says(root: Path):
    hint = "run: python -m pipeline.lake.datasets.schema"
    assert (root / FILE).read_text(encoding="utf-8") == text(), hint


def test_every_definition_of_this_checkout_satisfies_the_schema(root: Path):
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    for path in (root / FOLDER).rglob("*.yaml"):
        assert not list(validator.iter_errors(yaml.safe_load(path.read_text()))), path


def test_every_definition_names_the_schema_for_editors(root: Path):
    for path in (root / FOLDER).rglob("*.yaml"):
        assert path.read_text().startswith("# yaml-language-server: $schema=../dataset.schema.json\n"), path


@pytest.mark.parametrize(
    "change",
    [
        {"stage_a": {"format": "cvs"}},
        {"stage_a": {"format": "csv", "columns": {"a": {"optional": True}}}},
        {"stage_b": {"max_wait": "soon"}},
        {"tabel": {}},
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(change: dict[str, Any]):
    good = {"team": "a", "dataset": "b", "stage_a": {"format": "csv", "columns": {"a": "string"}}}
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate(good)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(good | change)


@pytest.mark.parametrize(
    ("said", "handed_on"),
    [
        ({}, {}),
        ({"workers": 4, "worker_type": "G.2X"}, {"workers": "4", "worker_type": "G.2X"}),
        ({"execution_class": "STANDARD"}, {}),
        (
            {"execution_class": "FLEX", "worker_type": "G.1X"},
            {"worker_type": "G.1X", "execution_class": "FLEX", "queuing": False},
        ),
    ],
)
def test_what_a_dataset_says_of_its_runs_is_handed_to_the_state_machine(said, handed_on):
    assert StageB.model_validate(said).job_runs == handed_on
