"""Reads a sample under a proposed definition, with the conversion that Stage A runs: what it says, loading says."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from pipeline.core.errors import BadInput, BadObject
from pipeline.lake.datasets import StageA
from pipeline.lake.datasets.system_columns import ROW_COLUMN
from pipeline.lake.files.conversion import convert
from pipeline.lake.proposals.contents import Content

_KEPT_BAD_ROWS = 10_000
_COLUMN = re.compile(r"(?:^|; )column ([a-z0-9_]{1,128}): ")


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that would go to the quarantine: its line or place, and why."""

    line: int
    reason: str

    @property
    def columns(self) -> list[str]:
        """The columns that its reason names."""
        return _COLUMN.findall(self.reason)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a sample. `types` are those of all columns, also where the definition says nothing of them."""

    table: pa.Table
    rows_bad: int
    bad: tuple[Bad, ...]
    types: Mapping[str, str]


def read(content: Content, stage_a: Mapping[str, Any]) -> Trial:
    """Convert the sample as a dataset with this part `stage_a` would; BadInput where the whole file is refused."""
    try:
        settings = StageA.model_validate(stage_a)
    except ValidationError as error:
        raise BadInput(f"{content.path}: no definition reads it: {error.errors()[0]['msg']}") from error
    with tempfile.TemporaryDirectory() as folder, content.opened() as (source, name):
        parquet, bad_rows = Path(folder, "rows.parquet"), Path(folder, "bad.jsonl")
        try:
            done = convert(
                source,
                file_name=name,
                settings=settings,
                contract=settings.columns,
                parquet=parquet,
                bad_rows=bad_rows,
                metadata={},
            )
        except BadObject as error:
            raise BadInput(f"{content.path}: {error.message}", hint=error.hint) from error
        table = pq.read_table(parquet)
        with bad_rows.open(encoding="utf-8") as lines:
            found = [json.loads(line) for _, line in zip(range(_KEPT_BAD_ROWS), lines, strict=False)]
    own = [column for column in table.column_names if column != ROW_COLUMN]
    bad = tuple(Bad(row["line"], row["reason"]) for row in found)
    return Trial(table.select(own), done.rows_bad, bad, done.columns)
