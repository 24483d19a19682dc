"""An import is estimated, goes on where it was stopped, and is compared with its source."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pipeline.core.errors import BadInput, Refused
from pipeline.operate.feeds.functions import Ask
from pipeline.operate.feeds.imports import compare, estimate, run


def test_an_import_goes_on_after_each_slice_and_agrees_by_day(
    source: Any, importer: Ask, target: psycopg.Connection[Any]
):
    about = estimate(importer, units=1e6)
    assert (about.items, about.within_retention) == (10, True)
    steps = list(run(importer, units=1e6, seconds=0))
    assert len(steps) > 2
    assert [step.is_finished for step in steps] == [*[False] * (len(steps) - 1), True]
    assert steps[-1].items == 10
    assert steps[-1].done == steps[-1].parts
    assert target.execute("SELECT count(*) FROM bi.transactions").fetchone() == (9,)
    found = compare(importer, units=1e6)
    assert (found["agrees"], found["refused"]) == (True, 1)
    assert [(day["day"], day["source_rows"], day["agrees"]) for day in found["days"]] == [
        (f"2026-03-0{number}", 3, True) for number in (1, 2, 3)
    ]
    with pytest.raises(Refused, match="is imported"):
        list(run(importer, units=1e6))
    again = list(run(importer, units=1e6, anew=True))
    assert again[-1].is_finished


def test_what_is_no_request_is_refused(source: Any, importer: Ask):
    with pytest.raises(BadInput, match="'stop' is none of"):
        importer({"ask": "stop"})
