from dataclasses import replace

import pytest

from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.operate.aftermath import of_generations, of_rows

OBJECT = ObjectVersion("raw", "shop/orders/a.csv", "v1")
ROW = ObjectRow(OBJECT, Status.FAILED, "shop/orders", 1, 5, "e", 0, None, "0", "2026-01-01T00:00:00Z", batch="01B")


@pytest.mark.parametrize(
    ("row", "left", "into", "sent"),
    [
        (ROW, 1, (), 0),
        (replace(ROW, status=Status.QUARANTINED), 1, (), 0),
        (replace(ROW, batch="01C", status=Status.COMMITTED), 0, (("01C", 1),), 0),
        # It failed there, too: it is that batch's to send it back.
        (replace(ROW, batch="01C"), 0, (("01C", 1),), 0),
        (replace(ROW, batch=None, status=Status.STAGED), 0, (), 1),
        (replace(ROW, batch=None, status=Status.QUARANTINED), 0, (), 1),
    ],
)
def test_where_an_object_of_a_batch_is_since(row, left, into, sent):
    found = of_rows("01B", [row])
    assert (found.left, found.into, found.sent) == (left, into, sent)
    assert (found.told is None) == bool(left)


@pytest.mark.parametrize(
    ("row", "left", "into", "sent"),
    [
        (ROW, 1, (), 0),
        (replace(ROW, status=Status.COMMITTED), 0, (), 0),
        (replace(ROW, generation=2, status=Status.REGISTERED), 0, (), 1),
        (replace(ROW, generation=2, execution="again"), 0, (("again", 1),), 0),
    ],
)
def test_where_an_object_of_an_execution_is_since(row, left, into, sent):
    found = of_generations({OBJECT: 1}, [row])
    assert (found.left, found.into, found.sent) == (left, into, sent)


def test_what_is_left_is_told_beside_what_is_not():
    rows = [ROW, replace(ROW, batch="01C"), replace(ROW, batch=None), replace(ROW, batch="01C")]
    told = of_rows("01B", rows).told
    assert told == "2 objects redriven in 01C; 1 object sent back, and on the way; 1 object not sent back"
