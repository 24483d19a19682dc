"""Proposes a dataset's definition from a sample file, checked by reading the sample under it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.files import parse, path_of
from pipeline.lake.datasets.model import Dataset
from pipeline.lake.proposals.checks import Checked, Column, check_json, check_texts, check_typed, discovered
from pipeline.lake.proposals.contents import Content, read_content
from pipeline.lake.proposals.definition_text import printable, write_definition
from pipeline.lake.proposals.delimited import draft_delimited
from pipeline.lake.proposals.drafts import Draft
from pipeline.lake.proposals.json_layouts import draft_json
from pipeline.lake.proposals.keys import find_key, find_partition, rules
from pipeline.lake.proposals.workbooks import draft_workbook
from pipeline.lake.proposals.xml_records import draft_xml

SHOWN_ROWS = 3


@dataclass(frozen=True, slots=True)
class Inferred:
    """What was made of a column of the sample: its type as it is written, and what is to be doubted about it."""

    name: str
    type: str
    doubt: str = ""
    written: str = ""
    """How its values are written and what the file calls it, where the type and the name do not say it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A definition as text, with comments that say why, as what it defines, and what was inferred for it."""

    text: str
    dataset: Dataset
    columns: tuple[Inferred, ...] = ()
    read: str = ""
    """What was read of the sample, and how."""
    key: str = ""
    """Which key was found, and what says so."""
    doubts: tuple[str, ...] = ()
    """What is to be doubted about the file as a whole."""
    rows: tuple[dict[str, Any], ...] = ()
    """The first rows as they would be read."""
    bad: tuple[str, ...] = ()
    """Why rows of the sample would go to the quarantine, and how many."""
    rows_read: int = 0
    rows_bad: int = 0


def propose(path: Path, name: DatasetName) -> Proposal:
    """Propose the definition of `name`; the sample itself satisfies it, but for its rows that cannot be read.

    BadInput where the sample shows nothing: it is empty, of no known format, or refused as a whole.
    """
    content = read_content(path)
    checked, how = _checked(content)
    table = checked.trial.table
    key = find_key(checked.columns, table, name)
    part = "" if content.whole else "the first "
    counted = f"{part}{table.num_rows:,} {'row' if table.num_rows == 1 else 'rows'}"
    text = write_definition(
        name,
        path.name,
        counted,
        checked,
        key,
        find_partition(checked.columns, table),
        list(rules(checked.columns, table, key)),
    )
    dataset = parse(text.encode(), path_of(name).as_posix()).dataset
    return Proposal(
        text,
        dataset,
        tuple(_inferred(column, checked) for column in checked.columns),
        _read(content, checked, how),
        key.why,
        tuple(map(printable, checked.doubts)),
        tuple(table.slice(0, SHOWN_ROWS).to_pylist()),
        _bad(checked),
        table.num_rows,
        checked.trial.rows_bad,
    )


def _checked(content: Content) -> tuple[Checked, str]:
    match content.kind:
        case "text":
            return _checked_text(content, draft_delimited(content))
        case "xlsx":
            return _checked_text(content, draft_workbook(content))
        case "xml":
            return _checked_text(content, discovered(content, draft_xml(content)))
        case "json" | "jsonl":
            records = draft_json(content)
            return check_json(content, records), records.draft.how
    return check_typed(content), ""


def _checked_text(content: Content, draft: Draft) -> tuple[Checked, str]:
    return check_texts(content, draft), draft.how


def _inferred(column: Column, checked: Checked) -> Inferred:
    told = list(column.doubts)
    values = checked.trial.table.column(column.name)
    if "<" not in column.type and 0 < values.null_count - column.absent < len(values):
        told.append(f"{values.null_count - column.absent:,} of {len(values):,} rows have no value")
    if "<" not in column.type and len(values) > 1 and len(values.unique().drop_null()) == 1:
        told.append("one value in all rows that have any")
    kind = f"{column.type}, optional" if column.absent else column.type
    return Inferred(column.name, kind, printable("; ".join(told)), printable(_written(column)))


def _written(column: Column) -> str:
    source = column.named.source
    called = f"column {source}" if isinstance(source, int) else repr(source) if source else ""
    words = [*column.options.get("true_values", ()), *column.options.get("false_values", ())]
    parts = (called, str(column.options.get("format", "")), " or ".join(words))
    return ", ".join(part for part in parts if part)


def _read(content: Content, checked: Checked, how: str) -> str:
    options = checked.options
    parts = [str(options["format"]), *([how] if how else [])]
    if content.packed:
        parts.append(f"packed as {content.packed}")
    if "encoding" in options:
        parts.append(str(options["encoding"]))
    parts += [f"{name} {options[name]!r}" for name in ("decimal", "thousands") if name in options]
    rows = checked.trial.table.num_rows
    parts.append(f"{'all' if content.whole else 'the first'} {rows:,} {'row' if rows == 1 else 'rows'}")
    return ", ".join(parts)


def _bad(checked: Checked) -> tuple[str, ...]:
    """The reasons, most frequent first, with how many rows have each and the first of them."""
    reasons = Counter(row.reason for row in checked.trial.bad)
    first: dict[str, int] = {}
    for row in checked.trial.bad:
        first.setdefault(row.reason, row.line)
    return tuple(
        printable(f"{count:,} {'row' if count == 1 else 'rows'}, first at {first[reason]}: {reason}")
        for reason, count in reasons.most_common(5)
    )
