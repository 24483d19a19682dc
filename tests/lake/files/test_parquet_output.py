"""How values are written: what repeats in a dictionary, the rest plain, positions as differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.lake.files.limits import Limits
from tests.lake.files.conftest import read

LARGE = Limits()
ROWS = [
    {
        "repeats": "same",
        "differs": f"text {n}",
        "number": n,
        "nested": {"repeats": "same", "differs": f"{n}"},
        "many": [{"repeats": "same", "differs": f"{n}"}, {"repeats": "same", "differs": f"other {n}"}],
    }
    for n in range(1000)
]


def encodings(path: Path) -> dict[str, Any]:
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    return {column.path_in_schema: set(column.encodings) - {"RLE"} for column in columns}


def test_each_leaf_has_the_encoding_that_its_values_repay(tmp_path: Path) -> None:
    contract = {"map": "map<string,string>"}
    rows = [{**row, "map": {f"key {n}": "same"}} for n, row in enumerate(ROWS)]
    found = read(tmp_path, "\n".join(map(json.dumps, rows)), "jsonl", contract, limits=LARGE)
    text, repeats = {"PLAIN"}, {"PLAIN", "RLE_DICTIONARY"}
    assert encodings(found.file) == {
        "repeats": repeats,
        "differs": text,
        "number": {"PLAIN"},
        "nested.repeats": repeats,
        "nested.differs": text,
        "many.list.element.repeats": repeats,
        "many.list.element.differs": text,
        "map.key_value.key": text,
        "map.key_value.value": repeats,
        "_sluice_row": {"DELTA_BINARY_PACKED"},
    }
    for row, expected in zip(found.rows, rows, strict=True):
        assert {**row, "map": dict(row["map"])} == expected
