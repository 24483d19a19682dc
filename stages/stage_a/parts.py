"""Parts of a raw object in Stage A: which of its rows to read again, and what of them stays set aside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.clients import client
from pipeline.core.errors import Gone, Inconsistent
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Catalog
from pipeline.lake.datasets.model import ROW_COLUMN
from pipeline.lake.files.choice import Choice
from pipeline.lake.files.conversion import Conversion
from pipeline.lake.messages.selection import RowAside, SelectionHead, read

NO_ROW = "is no row any more, as the dataset's definition reads the file now"


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a file that are sent again. `listed` is a copy of the selection, whose place is `uri`."""

    object: ObjectVersion
    uri: str
    listed: Path
    choice: Choice

    @property
    def checksum(self) -> str:
        """No two parts have the same content, and none has that of a file: equal rows of two files are two rows."""
        return hashlib.sha256(f"{self.object.versioned_path}\0{self.uri}".encode()).hexdigest()

    def rows(self) -> Iterator[RowAside]:
        """The selection's rows, one after another."""
        with self.listed.open("rb") as lines:
            yield from read(lines)[1]

    def settle(self, conversion: Conversion, parquet: Path, bad_rows: Path) -> Mapping[str, int]:
        """What the part's row counts. `bad_rows` becomes all that stays set aside of the whole file, and `parquet`
        loses rows of which a later one has the key: those were superseded within their file."""
        elsewhere = conversion.elsewhere
        if elsewhere.overtaken:
            _drop(parquet, elsewhere.overtaken)
        staying = {*self.choice.waiting.tolist(), *elsewhere.none}
        left = 0
        with bad_rows.open("a", encoding="utf-8") as file:
            for row in self.rows():
                if row.line in staying:
                    reason = NO_ROW if row.again else row.reason
                    file.write(json.dumps({"line": row.line, "reason": reason, "raw": row.raw}) + "\n")
                    left += 1
        return {
            "rows_in": len(self.choice.chosen),
            "rows_out": conversion.rows_out - len(elsewhere.overtaken),
            "rows_bad": 0,
            "rows_left": left + conversion.rows_bad,
        }


def part_of(catalog: Catalog, obj: ObjectVersion, folder: Path) -> Part | None:
    """What is to be read of an object that is a part; None for a whole one. `Gone` if its selection has expired."""
    if not obj.is_part:
        return None
    row = catalog.get(obj)
    if row is None or row.selection is None:
        raise Inconsistent(f"part {obj.versioned_path} has no selection of rows")
    listed = Path(folder, "selection.jsonl")
    _fetch(row.selection, listed)
    with listed.open("rb") as lines:
        head, rows = read(lines)
        return Part(obj, row.selection, listed, _choice(head, rows))


def _choice(head: SelectionHead, rows: Iterator[RowAside]) -> Choice:
    places: dict[bool, list[int]] = {True: [], False: []}
    for row in rows:
        places[row.again].append(row.line)
    chosen = np.unique(np.array(places[True], dtype=np.int64))
    return Choice(chosen, np.setdiff1d(np.array(places[False], dtype=np.int64), chosen), head.rows, head.key)


def _fetch(uri: str, to: Path) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = client("s3")
    try:
        body: Any = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
            raise Gone(f"the list of rows to be sent again has expired: {uri}") from error
        raise
    with body, to.open("wb") as file:
        for chunk in body.iter_chunks(1 << 20):
            file.write(chunk)


def _drop(parquet: Path, places: tuple[int, ...]) -> None:
    """Write the file without the rows of these places. It holds rows that were set aside, which are few."""
    source = pq.ParquetFile(parquet)
    metadata = {k: v for k, v in (source.metadata.metadata or {}).items() if k.startswith(b"sluice.")}
    table = source.read()
    keep = ~np.isin(table.column(ROW_COLUMN).to_numpy(), np.array(places, dtype=np.int64))
    kept = table.filter(pa.array(keep)).replace_schema_metadata(metadata)
    pq.write_table(kept, parquet, compression="zstd", store_schema=False)
