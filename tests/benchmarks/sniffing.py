"""`sluice datasets init` beside DuckDB's sniffer (`read_csv` with nothing said) on the corpus of messy files.

    python -m tests.benchmarks.sniffing [--all]

A column counts as right if its place, its name and its type are. DuckDB is judged mildly: any number with a fraction
counts for another, any name of a column without one, its times for the text that Sluice keeps, and values that it would
read otherwise are not looked at. Formats that `read_csv` does not read, and archives, are left out of both sides.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.errors import SluiceError
from pipeline.lake.datasets import DatasetName
from pipeline.lake.proposals.names import readable_name
from pipeline.lake.proposals.proposal import propose
from tests.lake.proposals.corpus import Case, cases, misses

_NAME = DatasetName("corpus", "things")
_TYPES = {"BIGINT": "whole", "INTEGER": "whole", "HUGEINT": "whole", "DOUBLE": "fraction", "FLOAT": "fraction"}
_TYPES |= {"VARCHAR": "string", "TIME": "string", "DATE": "date", "BOOLEAN": "boolean"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A file's columns, how many of them each side has right, and whether each has all rows."""

    name: str
    columns: int
    ours: int
    theirs: int
    our_rows: bool
    their_rows: bool
    our_seconds: float
    their_seconds: float


def judge(case: Case) -> Judged:
    """Let both sides look at a file. Times are of the processor, of this process."""
    start = time.process_time()
    try:
        proposal = propose(case.path, _NAME)
        contract = proposal.dataset.stage_a.model_dump(mode="json", exclude_defaults=True)["columns"]
        our_rows = (proposal.rows_read, proposal.rows_bad) == (case.rows, case.bad)
    except SluiceError:
        contract, our_rows = {}, False
    between = time.process_time()
    columns, rows = _sniffed(case)
    end = time.process_time()
    ours = max(0, len(case.columns) - sum(1 for _ in misses(case, contract)))
    theirs = _right(case, columns)
    their_rows = rows in (case.rows, case.rows + case.bad)
    return Judged(case.name, len(case.columns), ours, theirs, our_rows, their_rows, between - start, end - between)


def _sniffed(case: Case) -> tuple[list[tuple[str, str]], int]:
    import duckdb

    connection = duckdb.connect()
    try:
        found = connection.sql(f"select * from read_csv('{case.path}')")
        names = [(name, str(kind)) for name, kind in zip(found.columns, found.types, strict=True)]
        return names, len(found.fetchall())
    except duckdb.Error:
        return [], -1
    finally:
        connection.close()


def _right(case: Case, columns: list[tuple[str, str]]) -> int:
    right = 0
    for (name, expected), (found, kind) in zip(case.columns.items(), columns, strict=False):
        is_named = not isinstance(name, str) or name.startswith(("column_", "row_name")) or _same(name, found)
        right += is_named and _family(kind) == _family(expected["type"])
    return max(0, right - max(0, len(columns) - len(case.columns)))


def _same(name: str, found: str) -> bool:
    # It tells columns of one name apart by a number behind them.
    return re.sub(r"_\d+$", "", readable_name(found)) == re.sub(r"_\d+$", "", name)


def _family(kind: str) -> str:
    if kind.upper().startswith("DECIMAL"):
        return "whole" if kind.endswith(",0)") else "fraction"
    if kind.upper().startswith("TIMESTAMP"):
        return "timestamp"
    ours = {"bigint": "whole", "int": "whole", "double": "fraction"}
    return _TYPES.get(kind.upper()) or ours.get(kind, kind)


def table(judged: Iterable[Judged], *, everything: bool) -> str:
    """Markdown: a line for each file in which anything is wrong on either side, or for all, and the sums."""
    rows = list(judged)
    lines = ["| file | columns | sluice | DuckDB | rows: sluice | rows: DuckDB |", "|---|---|---|---|---|---|"]
    for row in rows:
        is_right = row.ours == row.theirs == row.columns and row.our_rows and row.their_rows
        if everything or not is_right:
            counts = f"{row.name} | {row.columns} | {row.ours} | {row.theirs}"
            lines.append(f"| {counts} | {_word(row.our_rows)} | {_word(row.their_rows)} |")
    columns = sum(row.columns for row in rows)
    ours, theirs = sum(row.ours for row in rows), sum(row.theirs for row in rows)
    whole = [sum(row.ours == row.columns and row.our_rows for row in rows)]
    whole.append(sum(row.theirs == row.columns and row.their_rows for row in rows))
    shares = f"{ours} ({ours / columns:.0%}) | {theirs} ({theirs / columns:.0%})"
    files = f"{sum(row.our_rows for row in rows)} files | {sum(row.their_rows for row in rows)} files"
    seconds = [sum(row.our_seconds for row in rows) / len(rows), sum(row.their_seconds for row in rows) / len(rows)]
    lines += [
        f"| **columns of {len(rows)} files** | {columns} | {shares} | {files} |",
        f"| **files with nothing wrong** | {len(rows)} | {whole[0]} | {whole[1]} | | |",
        f"| **processor seconds a file** | | {seconds[0]:.3f} | {seconds[1]:.3f} | | |",
    ]
    return "\n".join(lines)


def _word(is_right: bool) -> str:
    return "right" if is_right else "wrong"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="list the files in which nothing is wrong, too")
    everything = parser.parse_args().all
    texts = [case for case in cases() if not case.name.endswith((".json", ".jsonl", ".zip", ".xlsx", ".xml"))]
    judge(texts[0])
    print(table([judge(case) for case in texts], everything=everything))


if __name__ == "__main__":
    main()
