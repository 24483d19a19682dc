"""More at once than may run at once: objects come late, and none of them fails."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from pipeline.core.clients import client
from pipeline.lake.catalog import Status

from .conftest import RunningLake, csv_text

FILES = 60
CLOSED_S = 20
"""Nothing runs for so long: most of five tries with waits of up to 1, 2, 4, 8 and 16 seconds end before."""
PATIENCE_S = 240
NUMBERS = {"stage_a": {"format": "csv", "columns": {"n": "int"}}, "stage_b": {"max_objects": 300}}


@pytest.fixture
def transform(lake: RunningLake) -> Iterator[str]:
    """The transform function's name; what a test reserves for it is given back."""
    name = client("ssm").get_parameter(Name="/sluice/local/transform-function")["Parameter"]["Value"]
    yield name
    client("lambda").delete_function_concurrency(FunctionName=name)


def reserve(function: str, executions: int) -> None:
    client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=executions)


def test_a_burst_beyond_what_may_run_at_once_is_late_and_nothing_of_it_fails(lake: RunningLake, transform: str):
    numbers = lake.define(NUMBERS)
    reserve(transform, 0)
    for n in range(FILES):
        numbers.drop(f"{n}.csv", csv_text("n", f"{n}"))
    time.sleep(CLOSED_S)
    assert not list(lake.lake.catalog.all(str(numbers.name), Status.STAGED))
    reserve(transform, 1)
    give_up = time.monotonic() + PATIENCE_S
    while lake.lake.catalog.waiting(str(numbers.name), Status.REGISTERED, 1) and time.monotonic() < give_up:
        time.sleep(1)
    lake.settle()
    rows = list(lake.lake.catalog.all(str(numbers.name)))
    assert {row.status for row in rows} == {Status.COMMITTED}
    assert sorted(row["n"] for row in numbers.rows()) == list(range(FILES))
