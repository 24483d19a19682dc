"""Columns of text whose values are not strings, against the same rows read one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers import json_reader
from tests.examples import examples
from tests.lake.files.conftest import TINY, read

SMALL = replace(TINY, block=200, first_sample=60)
NUMBERS = ["1", "-7", "0.5", "1.10", "12345678901234567890", "0.1234567890123456789", "1e5", "1e400", "9" * 400]
NESTED = ["{}", "[1]", '{"a":1}', '{"a":1,"a":2}']
STRINGS = ['"x"', '""', '"1"', '"é"', '"\\ud800"']
VALUES = [*NUMBERS, *NESTED, *STRINGS, "true", "false", "null", "NaN", "01", "-", "1.", "tru"]


def outcome(data: str, contract: dict[str, str], limits: Limits, *, one_by_one: bool = False) -> Any:
    """Rows, places and bad rows, or the error."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if one_by_one:
            patch.setattr(json_reader, "quoted", lambda *_: None)
        try:
            found = read(Path(folder), data, "jsonl", contract, limits=limits)
        except BadObject as error:
            return str(error)
        return found.rows, found.positions, found.bad, found.conversion


values = st.sampled_from(VALUES)
records = st.builds(
    lambda value, other, twice: f'{{"n":1,"v":{value},"o":{{"v":{other}}}{twice}}}',
    values,
    st.sampled_from(["1", "2.5", "null"]),
    st.sampled_from(["", "", "", ',"v":2', ',"w":true']),
)


@settings(max_examples=examples(200))
@given(
    st.lists(records, min_size=2, max_size=20),
    st.sampled_from([{}, {"v": "string"}]),
    st.sampled_from([SMALL, Limits()]),
)
def test_a_column_of_text_holds_what_was_written(lines: list[str], contract: dict[str, str], limits: Limits) -> None:
    data = "\n".join(['{"n":0,"v":"x","o":{"v":0}}', *lines]) + "\n"
    assert outcome(data, contract, limits) == outcome(data, contract, limits, one_by_one=True)


def test_rows_of_such_columns_are_not_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_alone: list[bytes] = []
    load = json_reader.load_object

    def counted(raw: bytes, encoding: str) -> dict[str, Any]:
        read_alone.append(raw)
        return load(raw, encoding)

    monkeypatch.setattr(json_reader, "load_object", counted)
    said = [('"x"', "7", "1.50", "true")[number % 4] for number in range(2000)]
    data = "\n".join(f'{{"n":{number},"v":{value}}}' for number, value in enumerate(said))
    found = read(tmp_path, data, "jsonl", limits=replace(TINY, block=4000, first_sample=200))
    assert [row["v"] for row in found.rows] == [value.strip('"') for value in said]
    assert len(read_alone) < 100
