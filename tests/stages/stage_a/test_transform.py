from __future__ import annotations

from pipeline.catalog import Catalog, Status
from pipeline.clients import client
from pipeline.datasets import DatasetName, StageA
from pipeline.events.s3 import ObjectCreated, SendAgain
from pipeline.objects import ObjectVersion
from stages.stage_a.transform import Task, _record


def test_a_transform_that_comes_after_a_redrive_is_superseded(catalog_tables: dict[str, str]):
    catalog = Catalog(client("dynamodb"), "ObjectsTable")
    obj = ObjectVersion("raw", "shop/orders/a.csv", "v1")
    work = catalog.register(ObjectCreated(obj, 1, "", 1000, "0A"), DatasetName("shop", "orders"))
    assert work
    catalog.move(obj, Status.FAILED, "shop/orders", generation=1)
    catalog.send_again(SendAgain(obj, 2), DatasetName("shop", "orders"))
    late = Task(work, "shop/orders", StageA.model_validate({"format": "csv"}), {}, True, "execution")
    assert _record(catalog, late, "checksum", {}) == Status.SUPERSEDED
    assert catalog.get(obj).status is Status.REGISTERED
