"""The inputs of the Stage A benchmarks, made by DuckDB from hashes of the row number: the same every time."""

from __future__ import annotations

import codecs
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_ROWS = """
    SELECT range AS id, printf('%06d', (hash(range) % 1000000)::BIGINT) AS code,
        'name ' || (hash(range + 1) % 50000) AS name,
        ['London', 'Paris', 'Zürich', 'New York', 'São Paulo'][1 + (hash(range + 2) % 5)::INT] AS city,
        round((hash(range + 3) % 100000000) / 100.0, 2)::DECIMAL(12, 2) AS amount,
        (hash(range + 4) % 1000000007) / 1000003.0 AS price, (hash(range + 5) % 100)::INT AS quantity,
        hash(range + 6) % 2 = 0 AS flag, DATE '2020-01-01' + (hash(range + 7) % 2000)::INT AS day,
        TIMESTAMP '2020-01-01' + to_seconds((hash(range + 8) % 100000000)::BIGINT) AS moment,
        CASE WHEN hash(range + 9) % 10 = 0 THEN NULL ELSE 'note, ' || (hash(range + 9) % 1000) END AS note,
        md5(range::VARCHAR) AS token
    FROM range({rows})
"""
_NESTED = f"""
    SELECT id, code, name, struct_pack(city := city, zip := code) AS address, price, flag,
        [struct_pack(sku := token[1:8], quantity := quantity),
            struct_pack(sku := token[9:16], quantity := quantity + 1)] AS items, day::VARCHAR AS day, note
    FROM ({_ROWS})
"""
_GERMAN = f"""
    SELECT * REPLACE (replace(amount::VARCHAR, '.', ',') AS amount, replace(price::VARCHAR, '.', ',') AS price,
        strftime(day, '%d/%m/%Y') AS day) FROM ({_ROWS})
"""
_SAID = "CASE WHEN id % 100 = 50 THEN 'many' ELSE quantity::VARCHAR END"
_BAD_VALUES = f"SELECT * REPLACE ({_SAID} AS quantity) FROM ({_ROWS})"

TYPES = {
    "id": "bigint",
    "amount": "decimal(12,2)",
    "price": "double",
    "quantity": "int",
    "flag": "boolean",
    "day": "date",
    "moment": "timestamp",
}
CONTRACT: dict[str, dict[str, Any]] = {name: {"type": kind} for name, kind in TYPES.items()}
GERMAN_CONTRACT = {**CONTRACT, "day": {"type": "date", "format": "dd/MM/yyyy"}}
NESTED_CONTRACT: dict[str, dict[str, Any]] = {
    "id": {"type": "bigint"},
    "code": {"type": "string"},
    "name": {"type": "string"},
    "address": {"type": "struct<city:string,zip:string>"},
    "price": {"type": "double"},
    "flag": {"type": "boolean"},
    "items": {"type": "array<struct<sku:string,quantity:bigint>>"},
    "day": {"type": "date"},
    "note": {"type": "string"},
}
"""What `datasets init` proposes for the JSON files: a price that is declared is the nearest double, and not checked."""
GERMAN = {"encoding": "cp1252", "decimal": ",", "delimiter": ";"}

BYTES_A_ROW = {
    "csv": 144.5,
    "csv.gz": 71.2,
    "jsonl": 245.5,
    "json": 247.5,
    "parquet": 73.0,
    "german": 144.5,
    "bad-values": 144.5,
    "ragged": 144.2,
    "foreign": 144.5,
}
_CHANGED = ("german", "bad-values", "ragged", "foreign")


def rows_of(kind: str, mb: float) -> int:
    """How many rows make `mb` megabytes of that kind of file."""
    return int(mb * 1_000_000 / BYTES_A_ROW[kind])


def make(kind: str, folder: Path, rows: int) -> Path:
    """A file of that kind in `folder`, made if it is not there."""
    path = folder / (f"{rows}-{kind}.csv" if kind in _CHANGED else f"{rows}.{kind}")
    if not path.exists():
        made = path.with_name(path.name + ".part")
        _MAKERS[kind](made, rows)
        made.rename(path)
    return path


def _copy(query: str, options: str) -> Callable[[Path, int], None]:
    def run(path: Path, rows: int) -> None:
        import duckdb

        with duckdb.connect() as connection:
            connection.sql(f"COPY ({query.format(rows=rows)}) TO '{path}' ({options})")

    return run


def _gzip(path: Path, rows: int) -> None:
    plain = make("csv", path.parent, rows)
    with path.open("wb") as packed:
        subprocess.run(["gzip", "-1", "-c", plain], stdout=packed, check=True)


def _german(path: Path, rows: int) -> None:
    _copied(path, rows, _copy(_GERMAN, "FORMAT csv, HEADER, DELIMITER ';'"), lambda text: text.encode("cp1252"))


def _ragged(path: Path, rows: int) -> None:
    """Each hundredth line lacks its last cell."""
    plain = make("csv", path.parent, rows)
    with plain.open("rb") as source, path.open("wb") as target:
        target.writelines(
            line.rpartition(b",")[0] + b"\n" if number % 100 == 50 else line for number, line in enumerate(source)
        )


def _foreign(path: Path, rows: int) -> None:
    """Each hundredth line ends in a byte that is not UTF-8."""
    plain = make("csv", path.parent, rows)
    with plain.open("rb") as source, path.open("wb") as target:
        target.writelines(
            line.removesuffix(b"\n") + b"\xfc\n" if number % 100 == 50 else line for number, line in enumerate(source)
        )


def _copied(path: Path, rows: int, write: Callable[[Path, int], None], change: Callable[[str], bytes]) -> None:
    plain = path.with_name(path.name + ".utf-8")
    write(plain, rows)
    with path.open("wb") as target:
        target.writelines(change(text) for text in _texts(plain))
    plain.unlink()


def _texts(path: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as source:
        while data := source.read(1 << 20):
            yield decoder.decode(data)


_MAKERS: dict[str, Callable[[Path, int], None]] = {
    "csv": _copy(_ROWS, "FORMAT csv, HEADER"),
    "csv.gz": _gzip,
    "jsonl": _copy(_NESTED, "FORMAT json"),
    "json": _copy(_NESTED, "FORMAT json, ARRAY true"),
    "parquet": _copy(_ROWS, "FORMAT parquet, COMPRESSION snappy"),
    "german": _german,
    "bad-values": _copy(_BAD_VALUES, "FORMAT csv, HEADER"),
    "ragged": _ragged,
    "foreign": _foreign,
}
