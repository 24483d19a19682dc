"""Every value of every row reaches the table, or its row the quarantine: generated files against plain Python.

A run takes the same examples each time, as many as CI has time for. For more, and others each time:
`SLUICE_EXAMPLES=200 python -m pytest tests/stages/rows/test_values_survive.py`: so many of each kind through Spark, 17
times as many through the transform alone.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.model import ORDER_COLUMN
from pipeline.lake.files.limits import Limits
from tests.stages.rows.drafts import ROW, Case, Kind, RawFile, together
from tests.stages.rows.loading import Loader, Staged, staged_rows, transform
from tests.stages.rows.plain.meanings import DECLARED, Broken, equal
from tests.stages.rows.plain.reading import Record, csv_records, json_records
from tests.stages.rows.plain.undeclared import fits, is_plain, narrowest, survives
from tests.stages.rows.sources import NAMES, cases

_MORE = os.environ.get("SLUICE_EXAMPLES")
_EXAMPLES = int(_MORE or 12)
KINDS = [
    Kind("csv", ";", {}),
    Kind("jsonl", ",", {}),
    Kind("json", ",", {"k1": "bigint", "k2": "decimal(5,2)"}),
    Kind("csv", "\t", {"k1": "string", "k2": "boolean"}),
    Kind("jsonl", ",", {"k1": "date"}),
]
"""Of datasets that Spark gets: those of a kind as one. Each format, both ways of writing, each type of key."""
TINY = Limits(block=64, first_sample=64, row_group=1)


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        phases=[phase for phase in Phase if phase not in (Phase.reuse, Phase.explain)],
        derandomize=_MORE is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True)
class Expected:
    """A file in plain Python: why it must be refused, if so, its columns and its rows."""

    refused: bool
    columns: set[str]
    records: list[Record]

    def column(self, name: str) -> list[Any]:
        return [record.fields.get(name) for record in self.records if record.fields]


def expect(raw: RawFile, dataset: Dataset) -> Expected:
    required = {name for name, column in dataset.contract.items() if not column.optional}
    if dataset.stage_a.format == "csv":
        names, records = csv_records(raw.text, dataset.stage_a.delimiter)
        return Expected(not required <= set(names), set(names), records)
    records = json_records(raw.text)
    present = {name for record in records if record.fields is not None for name in record.fields}
    return Expected(bool(records) and not required <= present, present, records)


def broken_columns(record: Record, dataset: Dataset) -> set[str]:
    """The declared columns in which a value of the record has no meaning."""
    assert record.fields
    return {name for name, column in dataset.contract.items() if _is_broken(record.fields.get(name), column.type)}


def _is_broken(value: Any, kind: str) -> bool:
    try:
        if value is not None:
            DECLARED[kind](value)
    except Broken:
        return True
    return False


def check_row(record: Record, row: dict[str, Any], dataset: Dataset) -> None:
    """The row, of a staged file or of the table, has the record's values and no other."""
    assert record.fields
    assert record.fields.keys() <= row.keys()
    for name, stored in row.items():
        source = record.fields.get(name)
        if name in dataset.contract and source is not None:
            kind = dataset.contract[name].type
            assert not _is_broken(source, kind), (kind, source, stored)
            assert equal(DECLARED[kind](source), stored), (kind, source, stored)
        else:
            assert survives(source, stored), (name, source, stored)


def check_transform(raw: RawFile, dataset: Dataset, limits: Limits) -> tuple[Staged, Expected] | None:
    """Transform a file and account for each of its rows; None if it is refused, as it must be."""
    expected = expect(raw, dataset)
    try:
        staged = transform(raw, dataset, limits)
    except BadObject:
        if not expected.refused and any(record.fields is not None for record in expected.records):
            raise
        return None
    assert not expected.refused
    rows, bad = list(staged_rows(staged)), {line["line"]: line for line in staged.bad}
    assert len(bad) == len(staged.bad)
    assert sorted([*bad, *(line for line, _ in rows)]) == [record.line for record in expected.records]
    by_line = {record.line: record for record in expected.records}
    for line, row in rows:
        assert by_line[line].fields is not None, row
        check_row(by_line[line], row, dataset)
    for line, found in bad.items():
        if by_line[line].fields is not None:
            columns = broken_columns(by_line[line], dataset)
            assert columns, found
            assert all(f"column {name}: " in found["reason"] for name in columns), found
    return staged, expected


@examples(17 * _EXAMPLES)
@given(cases(), st.booleans())
def test_the_transform_keeps_or_quarantines_every_row(case: Case, tiny: bool) -> None:
    dataset = Dataset.model_validate(case.definition)
    for raw in (raw for batch in case.batches for raw in batch):
        check_transform(raw, dataset, TINY if tiny else Limits())


@dataclass
class Source:
    """A staged row with its origin."""

    record: Record
    staged: Staged
    expected: Expected


def generated(kind: Kind, number: int) -> list[Case]:
    """So many datasets of a kind."""
    found: list[Case] = []

    @examples(number)
    @given(cases(st.just(kind)))
    def keep(case: Case) -> None:
        found.append(case)

    keep()
    return found


@pytest.mark.timeout(0 if _MORE else 1200)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join([kind.form, *kind.keys.values()]))
def test_the_table_has_every_row_of_two_batches_once_though_a_run_is_repeated(lake: Loader, kind: Kind) -> None:
    case = together(generated(kind, _EXAMPLES))
    assert len(case.columns & {*NAMES}) > len(NAMES) / 2
    dataset = Dataset.model_validate(case.definition)
    table = lake.make_table(dataset)
    loadable: list[Source] = []
    set_aside = 0
    for number, batch in enumerate(case.batches):
        files = [found for raw in batch if (found := check_transform(raw, dataset, Limits()))]
        assert len(files) == len(batch)
        before = set(lake.read(table).column_names)
        sealed = lake.seal(dataset, table, [staged for staged, _ in files])
        thrown_away = lake.write(table, sealed, "first") if number else None
        loaded = lake.write(table, sealed, "again")
        if thrown_away:
            assert thrown_away.written.rows == loaded.written.rows, (thrown_away.written, loaded.written)
            assert sorted(map(str, thrown_away.quarantined)) == sorted(map(str, loaded.quarantined))
        sources = [
            Source(record, staged, expected)
            for staged, expected in files
            for record in expected.records
            if record.line in {line for line, _ in staged_rows(staged)}
        ]
        lake.commit(table, sealed, loaded.written)
        schema = lake.read(table).schema
        check_new_columns([expected for _, expected in files], dataset, schema, before)
        assert loaded.written.bad_rows == len(loaded.quarantined)
        loadable += check_quarantine(sources, loaded.quarantined, dataset, schema)
        set_aside += len(loaded.quarantined)
    # Some of each, or this has looked at nothing. Every text fits the columns of a CSV file that no key has.
    assert len(loadable) > 2 * _EXAMPLES
    assert bool(set_aside) == (kind.form != "csv" or bool(kind.keys))
    check_table(lake.read(table), loadable, dataset)


def check_new_columns(files: Sequence[Expected], dataset: Dataset, schema: pa.Schema, before: set[str]) -> None:
    """No new column is of a wider type than its values need."""
    for name in set().union(*(file.columns for file in files)) - before - dataset.contract.keys():
        columns = [file.column(name) for file in files if name in file.columns]
        if dataset.stage_a.format != "csv" and all(any(v is not None for v in column) for column in columns):
            wanted = narrowest([value for column in columns for value in column])
            assert wanted is None or _same_type(schema.field(name).type, wanted), (name, schema, columns)


def _same_type(one: pa.DataType, other: pa.DataType) -> bool:
    return one == other or {one, other} == {pa.string(), pa.large_string()}


def check_quarantine(
    sources: Sequence[Source], quarantined: Sequence[dict[str, Any]], dataset: Dataset, schema: pa.Schema
) -> list[Source]:
    """Those rows are in quarantine, with object, line, reason and values, that do not fit; returns the others."""
    bad = {(line["object"], line["line"]): line for line in quarantined}
    assert len(bad) == len(quarantined)
    loadable = []
    for source in sources:
        found = bad.pop((source.staged.id, source.record.line), None)
        answers = dict(_answers(source, dataset, schema))
        if found is None:
            assert False not in answers.values(), (source.record, answers)
            loadable.append(source)
            continue
        doubtful = [name for name, answer in answers.items() if not answer]
        assert any(f"column {name}" in found["reason"] for name in doubtful), (found, answers)
        assert source.record.fields
        for name, value in source.record.fields.items():
            assert name in dataset.contract or survives(value, found["row"][name]), (name, value, found["row"])
    assert not bad
    return loadable


def _answers(source: Source, dataset: Dataset, schema: pa.Schema) -> Iterator[tuple[str, bool | None]]:
    assert source.record.fields
    for name in dataset.table.key:
        value, kind = source.record.fields.get(name), dataset.contract[name].type
        yield name, value is not None and (kind == "string" or DECLARED[kind](value) is not None)
    for name, value in source.record.fields.items():
        if name not in dataset.contract and dataset.stage_a.format != "csv":
            column = source.expected.column(name)
            yield name, fits(value, schema.field(name).type, plain=is_plain(column))


def check_table(table: pa.Table, loadable: Sequence[Source], dataset: Dataset) -> None:
    """The table has exactly these rows or, of each key, the newest."""
    if dataset.table.write == "upsert":
        newest: dict[Any, Source] = {}
        for source in sorted(loadable, key=lambda each: (each.staged.raw.order, each.record.line)):
            newest[tuple(_key(source, dataset))] = source
        loadable = list(newest.values())
    rows = {row[ROW]: row for row in table.to_pylist()} if ROW in table.column_names else {}
    names = Counter(source.record.fields[ROW] for source in loadable if source.record.fields)
    assert Counter(row[ROW] for row in table.to_pylist() if ROW in row) == names
    for source in loadable:
        assert source.record.fields
        row = rows[source.record.fields[ROW]]
        order = row.pop(ORDER_COLUMN, None)
        assert order is None or order.startswith(f"{source.staged.raw.order:013d}|")
        check_row(source.record, row, dataset)


def _key(source: Source, dataset: Dataset) -> Iterator[Any]:
    assert source.record.fields
    for name in dataset.table.key:
        value = source.record.fields[name]
        kind = dataset.contract[name].type
        # A number is the text that it is written as.
        yield str(value) if kind == "string" else DECLARED[kind](value)
