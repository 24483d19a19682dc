"""Types for the columns of a sample, checked by reading the sample under them: what does not read is text, or said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import BadInput
from pipeline.lake.datasets.names import safe_name
from pipeline.lake.proposals.columns import ColumnForm, find_column_form
from pipeline.lake.proposals.contents import Content
from pipeline.lake.proposals.drafts import Draft
from pipeline.lake.proposals.file_forms import LOOKED_AT, FileForm, find_file_form
from pipeline.lake.proposals.json_layouts import Records
from pipeline.lake.proposals.names import Named, name_columns
from pipeline.lake.proposals.nested import infer
from pipeline.lake.proposals.trials import Bad, Trial, read
from pipeline.lake.proposals.typed_files import column_names

_ROUNDS = 4
_MAX_WORDS = 10


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is proposed. `options` are those of the contract beside the type."""

    named: Named
    type: str
    options: Mapping[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    absent: int = 0

    @property
    def name(self) -> str:
        """Its name in the table."""
        return self.named.name

    def as_text(self, doubt: str) -> Column:
        """The same as a string, since values of it did not read."""
        options = {name: value for name, value in self.options.items() if name in ("optional", "from")}
        return replace(self, type="string", options=options, doubts=(doubt, *self.doubts))

    @property
    def contract(self) -> dict[str, Any]:
        """What a definition says of it."""
        source = {} if self.named.source is None else {"from": self.named.source}
        return {"type": self.type, **source, **self.options}


@dataclass(frozen=True, slots=True)
class Checked:
    """A proposal that was tried: the options, the columns, and what reading the sample under them gave."""

    options: Mapping[str, Any]
    columns: tuple[Column, ...]
    trial: Trial
    doubts: tuple[str, ...]

    @property
    def stage_a(self) -> dict[str, Any]:
        """The part of a definition that says how files are written."""
        return {**self.options, "columns": {column.name: column.contract for column in self.columns}}


def check_texts(content: Content, draft: Draft) -> Checked:
    """Types for the columns of a file whose values are text."""
    first = read(content, draft.as_text())
    if not first.table.num_rows and not first.rows_bad:
        raise BadInput(f"{content.path} has no rows that can be read", hint="A sample needs at least one row.")
    texts = {
        named.name: _different(first.table.column(named.name))
        for named in draft.columns
        if named.name not in draft.types and named.name in first.table.column_names
    }
    form = find_file_form(texts, draft.options.get("delimiter", ","))
    columns = tuple(_text_column(named, draft, texts.get(named.name), form) for named in draft.columns)
    options = {**draft.options, **_file_options(form, columns)}
    checked = _settled(content, Checked(options, columns, first, (*draft.doubts, *form.doubts)), {})
    return replace(checked, columns=tuple(map(_with_empty, checked.columns, [checked.trial.table] * len(columns))))


def discovered(content: Content, draft: Draft) -> Draft:
    """The draft with the columns that the lake's reader finds: text, but for those that it types itself."""
    trial = read(content, draft.options)
    columns = tuple(Named(name, name) for name in trial.types)
    return replace(draft, columns=columns, types={name: kind for name, kind in trial.types.items() if kind != "string"})


def check_json(content: Content, found: Records) -> Checked:
    """Types for the keys of JSON records."""
    columns = []
    known: dict[str, int] = {}
    for named in found.draft.columns:
        values = [record.get(named.original) for record in found.records]
        absent = sum(named.original not in record for record in found.records)
        nested = infer(values, named.name)
        doubts = (*nested.doubts, *((f"in {len(values) - absent:,} of {len(values):,} records",) if absent else ()))
        if all(value is None for value in values):
            doubts = (*doubts, "always empty in the sample")
        known[named.name] = sum("its row is bad" in doubt for doubt in nested.doubts) and len(values)
        options = {"optional": True} if absent else {}
        columns.append(Column(named, str(nested.type), options, doubts, absent))
    start = Checked(found.draft.options, tuple(columns), Trial(pa.table({}), 0, (), {}), found.draft.doubts)
    checked = _settled(content, start, known)
    if not checked.trial.table.num_rows and checked.trial.bad:
        bad = checked.trial.bad[0]
        raise BadInput(f"{content.path} has no records that can be read: record {bad.line}: {bad.reason}")
    return checked


def check_typed(content: Content) -> Checked:
    """The columns of a file that says their names and types itself."""
    options = {"format": content.kind}
    trial = read(content, options)
    if not trial.table.num_rows and not trial.rows_bad:
        raise BadInput(f"{content.path} has no rows that can be read", hint="A sample needs at least one row.")
    originals = column_names(content) or list(trial.types)
    named = [each for each in name_columns(originals, may_place=False) if each]
    columns = tuple(
        Column(each, trial.types[safe_name(each.original)]) for each in named if safe_name(each.original) in trial.types
    )
    return _settled(content, Checked(options, columns, trial, ()), {})


def _different(column: pa.ChunkedArray) -> list[str]:
    """The values of a column, each once; of very many the first and the last ones."""
    values = pc.unique(column)
    if len(values) > LOOKED_AT:
        values = pa.concat_arrays([values.slice(0, LOOKED_AT // 2), values.slice(len(values) - LOOKED_AT // 2)])
    return [value for value in values.to_pylist() if value is not None]


def _text_column(named: Named, draft: Draft, values: Sequence[str] | None, form: FileForm) -> Column:
    if values is None:
        return Column(named, draft.types.get(named.name, "string"))
    found: ColumnForm = find_column_form(named.name, form.different[named.name], form)
    options: dict[str, Any] = {}
    if found.format:
        options["format"] = found.format
    if found.true_values:
        options |= {"true_values": list(found.true_values), "false_values": list(found.false_values)}
    return Column(named, str(found.type), options, found.doubts)


def _with_empty(column: Column, table: pa.Table) -> Column:
    values = table.column(column.name)
    if table.num_rows and values.null_count == len(values):
        return replace(column, doubts=(*column.doubts, "always empty in the sample"))
    return column


def _file_options(form: FileForm, columns: Sequence[Column]) -> dict[str, Any]:
    """The options of the file that its columns need."""
    options: dict[str, Any] = {}
    if form.null_values:
        options["null_values"] = list(form.null_values[:_MAX_WORDS])
    if any(column.type.split("(")[0] in ("bigint", "double", "decimal") for column in columns):
        numbers = form.numbers
        if numbers.decimal != ".":
            options["decimal"] = numbers.decimal
        if numbers.thousands:
            options["thousands"] = numbers.thousands
        if numbers.currency:
            options["currency"] = list(numbers.currency)
        if numbers.percent:
            options["percent"] = True
        if numbers.negative_brackets:
            options["negative_brackets"] = True
    if form.trim:
        options["trim"] = True
    return options


def _settled(content: Content, checked: Checked, known: Mapping[str, int]) -> Checked:
    """Read under the types; a column whose values do not all read is text, but for `known` bad ones of it."""
    for _ in range(_ROUNDS):
        checked = replace(checked, trial=read(content, checked.stage_a))
        wrong = _wrong_columns(checked.trial.bad, known)
        if not any(column.name in wrong and column.type != "string" for column in checked.columns):
            return checked
        columns = tuple(
            column.as_text(_told(column, *wrong[column.name])) if column.name in wrong else column
            for column in checked.columns
        )
        checked = replace(checked, columns=columns)
    return checked


def _wrong_columns(bad: Sequence[Bad], known: Mapping[str, int]) -> dict[str, tuple[int, str]]:
    """How many rows each column spoils, and why the first of them."""
    counts = Counter(name for row in bad for name in row.columns)
    reasons: dict[str, str] = {}
    for row in bad:
        for name in row.columns:
            reasons.setdefault(name, row.reason)
    return {name: (count, reasons[name]) for name, count in counts.items() if count > known.get(name, 0)}


def _told(column: Column, count: int, reason: str) -> str:
    why = next((part for part in reason.split("; ") if part.startswith(f"column {column.name}: ")), reason)
    why = why.removeprefix(f"column {column.name}: ")
    return f"as {column.type} {count:,} {'row' if count == 1 else 'rows'} would be bad: {why}; text"
