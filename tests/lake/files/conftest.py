"""One call that converts bytes and reads back what was written."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.model import ROW_COLUMN
from pipeline.lake.files.conversion import Conversion, convert
from pipeline.lake.files.limits import Limits
from tests.markers import THOROUGH

THOROUGH_ONLY = getattr(pytest.mark, THOROUGH)

TINY = Limits(block=7, first_sample=5, record=4096, row_group=1, columns=50, workers=2)
"""Blocks of a few bytes and a row group a block, so that every border is met."""


class Stream:
    """Bytes as the network gives them: no seek, and fewer at once than asked for."""

    def __init__(self, data: bytes, most: int = 1000) -> None:
        self._data = memoryview(data)
        self._most = most

    def read(self, size: int = -1, /) -> bytes:
        size = min(self._most, size) if size >= 0 else len(self._data)
        data, self._data = bytes(self._data[:size]), self._data[size:]
        return data


def damaged(data: bytes, seed: int) -> Iterator[bytes]:
    """A hundred times the same, each with another bit wrong."""
    chance = random.Random(seed)
    for _ in range(100):
        copy = bytearray(data)
        copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(8)
        yield bytes(copy)


@dataclass(frozen=True)
class Read:
    """What a conversion left behind. `rows` are without ROW_COLUMN, which `positions` holds."""

    conversion: Conversion
    rows: list[dict[str, Any]]
    positions: list[int]
    bad: list[dict[str, Any]]
    file: Path


def read(
    folder: Path,
    data: bytes | str,
    format: str,
    contract: Mapping[str, Any] | None = None,
    name: str | None = None,
    limits: Limits = TINY,
    metadata: Mapping[str, str] | None = None,
    **settings: Any,
) -> Read:
    """Convert; a contract is {name: type} or {name: Column}."""
    parquet, bad_rows = folder / "out.parquet", folder / "bad.jsonl"
    columns = {
        key: value if isinstance(value, Column) else Column(type=value) for key, value in (contract or {}).items()
    }
    conversion = convert(
        Stream(data.encode() if isinstance(data, str) else data),
        file_name=name or f"file.{format}",
        settings=StageA.model_validate({"format": format, "columns": columns, **settings}),
        contract=columns,
        parquet=parquet,
        bad_rows=bad_rows,
        metadata={"source": "s3://raw/file", **(metadata or {})},
        limits=limits,
    )
    with pq.ParquetFile(parquet) as written:
        names, rows = written.schema_arrow.names, written.read(use_threads=False).to_pylist()
    positions = [row.pop(ROW_COLUMN) for row in rows]
    bad = [json.loads(line) for line in bad_rows.read_text().split("\n") if line]
    assert conversion.rows_in == conversion.rows_out + conversion.rows_bad
    assert (conversion.rows_out, conversion.rows_bad) == (len(rows), len(bad))
    assert list(conversion.columns) == names[:-1]
    return Read(conversion, rows, positions, bad, parquet)


Reading = Callable[..., Read]


@pytest.fixture(params=["tiny blocks", pytest.param("whole file", marks=THOROUGH_ONLY)])
def reading(request: pytest.FixtureRequest, tmp_path: Path) -> Reading:
    """`read`, once with every block border and once as in production: the answers must be the same."""
    limits = TINY if request.param == "tiny blocks" else Limits()

    def run(data: bytes | str, format: str, contract: Mapping[str, Any] | None = None, **rest: Any) -> Read:
        return read(tmp_path, data, format, contract, limits=rest.pop("limits", limits), **rest)

    return run
