"""What a team hears of an error in its own code, where it runs here and where a worker of Spark ran it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.lake.transforms.code import Code, TransformFailed
from pipeline.lake.transforms.python_code import brought, handed_on
from pipeline.lake.transforms.python_run import called, columns_given, function_of

TEXT = """
def inner(batch):
    return 1 / 0

def outer(batch):
    return inner(batch)

def number(batch):
    return 42
"""
BATCH = pa.RecordBatch.from_pydict({"id": [1]})


def code(function: str, text: str = TEXT) -> Code:
    return Code("python", "transforms/p.py", text, function)


def test_the_error_comes_with_the_lines_that_led_there_also_from_a_worker() -> None:
    its = code("outer")
    with pytest.raises(ZeroDivisionError) as raised:
        called(its, function_of(its), BATCH)
    expected = (
        "ZeroDivisionError: division by zero (at transforms/p.py:3 in inner: return 1 / 0 "
        "← transforms/p.py:6 in outer: return inner(batch))"
    )
    text = f"org.apache.spark.SparkException: … {handed_on(its, raised.value)!r}"
    told = brought(
        its, f"Traceback (most recent call last):\n  x\nTeamCodeFailed: {handed_on(its, raised.value)}\n\n\tat x"
    )
    assert told
    assert told.message == expected
    assert brought(its, text.replace("TeamCodeFailed: ", "")) is None


def test_a_file_that_cannot_be_run_is_told_with_its_line() -> None:
    with pytest.raises(TransformFailed, match=r"transforms/p\.py:2: "):
        function_of(code("f", "x = 1\ndef f(:\n"))
    with pytest.raises(TransformFailed, match=r"NameError: .*transforms/p\.py:1 in <module>"):
        function_of(code("f", "nothing_of_this_name\n"))
    with pytest.raises(TransformFailed, match="has no function f"):
        function_of(code("f"))


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(TransformFailed, match=r"TypeError: number gave int, and not a pyarrow\.RecordBatch or Table"):
        columns_given(code("number"), pa.Table.from_batches([BATCH]))


def test_a_column_without_any_value_has_to_be_declared() -> None:
    text = "import pyarrow as pa\ndef f(batch):\n    return batch.append_column('n', pa.nulls(batch.num_rows))\n"
    with pytest.raises(TransformFailed, match="gives n without a value"):
        columns_given(code("f", text), pa.Table.from_batches([BATCH]))
