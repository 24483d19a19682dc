"""A document is what it was on the other side of a process, and on the other side of an update."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.objects import ObjectVersion
from pipeline.lake.datasets import Dataset
from pipeline.lake.messages.manifest import Manifest, StagedObject
from pipeline.lake.messages.poll_order import PollOrder
from pipeline.lake.messages.stage_a import FailedTransform, StageAInput, StageAWork
from pipeline.lake.messages.stage_b import StageBInput
from pipeline.lake.messages.staged_message import StagedMessage

from .documents import documents, examples

OBJECT = ObjectVersion("raw", "shop/orders/a.csv", "v1")
PLACE = {"bucket": "raw", "key": "shop/orders/a.csv", "version_id": "v1"}
ITEM = {**PLACE, "generation": 1, "event_ms": 1767225600000, "size": 512}
STAGED = {
    **PLACE,
    "id": "5b7f8e1c",
    "order": "1767225600000|0|shop/orders/a.csv|v1",
    "staged": "s3://staging/shop/orders/a.parquet",
    "etag": "e",
    "rows": 3,
}
DATASET = {"team": "shop", "dataset": "orders", "stage_a": {"format": "csv"}}


@pytest.mark.parametrize("kind", documents(), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_is_written_is_what_is_read(kind: Any, data: st.DataObject) -> None:
    document = data.draw(examples(kind))
    assert kind.from_json(json.loads(json.dumps(document.to_json()))) == document


@pytest.mark.parametrize("kind", documents(), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_field_of_a_later_release_is_passed_over(kind: Any, data: st.DataObject) -> None:
    document = data.draw(examples(kind))
    assert kind.from_json({**document.to_json(), "of a later release": {"n": 1}}) == document


@pytest.mark.parametrize("kind", documents(), ids=lambda kind: kind.__name__)
@settings(max_examples=1)  # it is the class that is
@given(data=st.data())
def test_a_document_is_frozen(kind: Any, data: st.DataObject) -> None:
    document = data.draw(examples(kind))
    with pytest.raises(FrozenInstanceError):
        setattr(document, fields(kind)[0].name, None)


RELEASED: list[tuple[Any, dict[str, Any]]] = [
    (
        StageAInput,
        {
            "dataset": "shop/orders",
            "write": "append",
            "stage_a": {"format": "csv"},
            "contract": {"id": {"type": "bigint"}},
            "queue_url": "https://queue",
            "objects": [ITEM],
            "together": 10,
        },
    ),
    (
        StageBInput,
        {
            "batch": "01J",
            "dataset": "shop/orders",
            "manifest": "s3://staging/_manifests/shop/orders/01J-0.json",
            "table": "sluice_dev_shop.orders",
            "has_ruleset": True,
            "worker_type": "G.1X",
            "execution_class": "FLEX",
            "queuing": False,
        },
    ),
    (
        PollOrder,
        {
            "dataset": "shop/orders",
            "queue_url": "https://queue",
            "stage_b": {"min_objects": 1, "max_objects": 100, "max_wait": "1800 seconds"},
        },
    ),
    (StagedMessage, {**PLACE, "id": OBJECT.digest}),
    (
        Manifest,
        {
            "batch": "01J",
            "dataset": DATASET,
            "table": "sluice_dev_shop.orders",
            "objects": [STAGED | {"id": OBJECT.digest}],
            "loaded": [],
        },
    ),
]
"""What the release before these types wrote."""


@pytest.mark.parametrize(("kind", "written"), RELEASED, ids=lambda value: getattr(value, "__name__", ""))
def test_the_json_is_that_of_the_release_before(kind: Any, written: dict[str, Any]) -> None:
    assert kind.from_json(written).to_json() == written


def test_an_input_of_before_bundles_says_neither_sizes_nor_how_many_go_together() -> None:
    written = {**RELEASED[0][1], "objects": [{name: ITEM[name] for name in ITEM if name != "size"}]}
    del written["together"]
    found = StageAInput.from_json(written)
    assert found.objects == (StageAWork(OBJECT, 1, 1767225600000, 0),)
    assert found.together is None


def test_a_definition_of_before_does_not_say_in_which_execution_a_transform_failed() -> None:
    error = {"Error": "Broken", "Cause": "{}"}
    found = FailedTransform.from_json({"object": ITEM, "dataset": "shop/orders", "error": error})
    assert found == FailedTransform(StageAWork(OBJECT, 1, 1767225600000, 512), "shop/orders", error, None)


@pytest.mark.parametrize("id_of_it", [None, "raw/shop/orders/a.csv#v1", OBJECT.digest])
def test_an_object_of_a_manifest_is_what_its_place_says_whatever_the_id_that_was_written(id_of_it: str | None) -> None:
    written = {**STAGED, "id": id_of_it}
    if id_of_it is None:
        del written["id"]
    found = StagedObject.from_json(written)
    assert found.object == OBJECT
    assert found.to_json()["id"] == StagedMessage(OBJECT).to_json()["id"] == OBJECT.digest


def test_a_manifest_of_before_deliveries_were_compared_names_none_that_are_loaded() -> None:
    written = {name: value for name, value in RELEASED[4][1].items() if name != "loaded"}
    assert Manifest.from_json(written).loaded == ()


@pytest.mark.parametrize(
    "table",
    [{}, {"write": "upsert", "key": ["id"]}, {"write": "overwrite", "partition_by": ["day", "hour"]}],
    ids=["default", "upsert", "overwrite"],
)
def test_a_manifest_says_of_the_dataset_what_its_definition_does(table: dict[str, Any]) -> None:
    dataset = Dataset.model_validate({**DATASET, "table": table, "quality": {"ruleset": "R", "scope": "table"}})
    manifest = Manifest("01J", json.loads(dataset.to_json()), "t", ())
    said = (manifest.write, manifest.key, manifest.partition_by, manifest.judges_table)
    assert said == (dataset.table.write, dataset.table.key, dataset.table.partition_by, True)
    assert Dataset.from_stored(dict(manifest.definition)) == dataset
