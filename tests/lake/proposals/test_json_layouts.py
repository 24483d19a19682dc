"""Where the records of JSON are, and what is said where that is not sure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.lake.datasets import DatasetName
from pipeline.lake.proposals.proposal import Proposal, propose

ORDERS = [{"id": 1, "total": 30}, {"id": 2, "total": 20}]
LINKS = {"self": {"href": "/orders"}}


def proposed(folder: Path, document: Any) -> Proposal:
    path = folder / "sample.json"
    path.write_text(json.dumps(document))
    return propose(path, DatasetName("shop", "orders"))


@pytest.mark.parametrize(
    ("document", "records"),
    [
        ({"_embedded": {"orders": ORDERS}}, "$._embedded.orders"),
        ({"_links": LINKS, "_embedded": {"orders": ORDERS}}, "$._embedded.orders"),
        ({"_links": LINKS, "page": {"size": 2, "number": 0}, "_embedded": {"orders": ORDERS}}, "$._embedded.orders"),
        ({"_links": LINKS, "currentlyProcessing": 14, "_embedded": {"ea:order": ORDERS}}, "$._embedded.ea:order"),
    ],
)
def test_the_embedded_resources_of_a_collection_are_proposed_as_its_records(
    tmp_path: Path, document: Any, records: str
) -> None:
    found = proposed(tmp_path, document)
    assert found.dataset.stage_a.records == records
    assert list(found.dataset.stage_a.columns) == ["id", "total"]
    assert f"the records are at {records}; what stands beside them is not read" in found.text


@pytest.mark.parametrize(
    ("document", "told"),
    [
        # One order, and what is embedded in it.
        ({"id": 7, "_links": LINKS, "_embedded": {"items": ORDERS}}, "$._embedded.items holds 2 objects"),
        ({"_embedded": {"orders": ORDERS, "customers": ORDERS[:1]}}, "$._embedded.orders holds 2 objects"),
        ({"_embedded": {"orders": ORDERS, "customers": ORDERS[:1]}}, "$._embedded.customers holds 1 object"),
        ({"shop": "x", "currency": "EUR", "sold": {"orders": ORDERS}}, "$.sold.orders holds 2 objects"),
        ({"order": 7, "customer": "x", "lines": ORDERS}, "$.lines holds 2 objects"),
    ],
)
def test_where_else_the_records_may_be_is_said(tmp_path: Path, document: Any, told: str) -> None:
    found = proposed(tmp_path, document)
    assert found.dataset.stage_a.records is None
    assert told in found.text
    assert "the file is read as one record" in found.text


def test_an_object_without_arrays_is_one_record_without_doubt(tmp_path: Path) -> None:
    assert "read as one record" not in proposed(tmp_path, {"id": 7, "tags": ["a", "b"], "none": []}).text
