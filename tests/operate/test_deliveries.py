"""Where a file was loaded twice, whoever looks is told how many rows stand beside each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.operate.deliveries import beside, in_words, repeated
from tests.operate.test_advice import row
from tests.operate.test_missing_rows import TABLES

FIRST = row(Status.COMMITTED, rows_out=52, rows_bad=4)
MENDED = replace(
    row(Status.COMMITTED, rows_out=57, rows_set_aside=1),
    object=ObjectVersion("raw", "shop/orders/a.csv", "v2"),
    order="1|0|a|v2",
)


def test_rows_of_earlier_versions_that_are_loaded_are_counted_where_they_were_not_compared():
    third = replace(MENDED, object=ObjectVersion("raw", "shop/orders/a.csv", "v3"), order="2|0|a|v3")
    assert beside(third, [third, MENDED, FIRST], TABLES["append"]) == 108
    assert beside(FIRST, [MENDED, FIRST], TABLES["append"]) == 0
    assert "52 rows of earlier versions" in (in_words(MENDED, [FIRST], TABLES["append"]) or "")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (0, None),
        (1, "1 of its 56 rows repeats a row of an earlier version of this key"),
        (52, "52 of its 56 rows repeat rows of an earlier version of this key"),
    ],
)
def test_where_they_were_compared_the_number_of_the_same_is_told_and_nothing_else(rows: int, told: str | None):
    found = replace(MENDED, rows_repeated=rows)
    assert (repeated(found), in_words(found, [FIRST, found], TABLES["append"])) == (told, told)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.COMMITTED}))
def test_what_is_not_in_the_table_is_beside_nothing(status: Status):
    assert beside(MENDED, [MENDED, replace(FIRST, status=status)], TABLES["append"]) == 0
    assert beside(replace(MENDED, status=status), [MENDED, FIRST], TABLES["append"]) == 0


@pytest.mark.parametrize("mode", sorted(set(TABLES) - {"append"}))
def test_where_rows_take_the_place_of_others_nothing_is_said(mode: str):
    assert in_words(MENDED, [MENDED, FIRST], TABLES[mode]) is None
