"""Where a file was loaded twice, whoever looks is told how many rows stand beside each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.catalog import Status
from pipeline.objects import ObjectVersion
from pipeline.views.deliveries import beside, in_words
from tests.views.test_advice import row
from tests.views.test_missing import TABLES

FIRST = row(Status.COMMITTED, rows_out=52, rows_bad=4)
MENDED = replace(row(Status.COMMITTED, rows_out=56), object=ObjectVersion("raw", "shop/orders/a.csv", "v2"))


def test_rows_of_all_other_versions_that_are_loaded_are_counted():
    third = replace(MENDED, object=ObjectVersion("raw", "shop/orders/a.csv", "v3"), rows_out=1)
    assert beside(MENDED, [third, MENDED, FIRST], TABLES["append"]) == 53
    assert beside(FIRST, [MENDED, FIRST], TABLES["append"]) == 56
    assert "56 rows of other versions" in (in_words(56) or "")


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.COMMITTED}))
def test_what_is_not_in_the_table_is_beside_nothing(status: Status):
    assert beside(MENDED, [MENDED, replace(FIRST, status=status)], TABLES["append"]) == 0
    assert beside(replace(MENDED, status=status), [MENDED, FIRST], TABLES["append"]) == 0


@pytest.mark.parametrize("mode", sorted(set(TABLES) - {"append"}))
def test_where_rows_take_the_place_of_others_nothing_is_said(mode: str):
    assert beside(MENDED, [MENDED, FIRST], TABLES[mode]) == 0
    assert in_words(0) is None
