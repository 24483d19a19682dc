"""The k-anonymity of a feed's target is what pycanon says of the same rows."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pipeline.feeds.privacy import anonymity
from tests.feeds.contracts import record
from tests.feeds.test_privacy import QUASI
from tests.feeds.test_writer import migrated, write

# An environment from before it was a dependency has none.
k_anonymity = pytest.importorskip("pycanon.anonymity").k_anonymity


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_k_is_what_another_counts(target: psycopg.Connection[Any], step: int):
    import pandas as pd

    migrated(target, QUASI)
    areas, months = ["NE1", "SW1", "N", "EC1"], [1, 2, 3]
    told = [
        record(
            number + 1,
            f"t{number}",
            postcode={"S": areas[(number * number) // step % len(areas)]},
            booked={"S": f"2026-0{months[number // step % len(months)]}-05T00:00:00Z"},
        )
        for number in range(60)
    ]
    write(target, QUASI, *told)
    with target.cursor() as cursor:
        rows = cursor.execute("SELECT area, month::text, amount::text FROM bi.transactions").fetchall()
    frame = pd.DataFrame(rows, columns=["area", "month", "amount"])
    found = anonymity(target, QUASI)
    assert found.k == k_anonymity(frame, ["area", "month"])
    assert found.rows == 60
