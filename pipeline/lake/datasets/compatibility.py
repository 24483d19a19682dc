"""Whether a changed definition still takes the files that it took, and gives readers what they had. Pure.

Compatible is what asks nothing of the teams that send files, and nothing of the people who read the table. Rules of
quality, schedules and sizes of batches are neither: they are not judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.lake.datasets.model import Column, Dataset, StageA, Table
from pipeline.lake.datasets.types import Array, Map, Struct, Type, is_wider, parse_type

_ADDS = ("null_values", "currency")
"""Lists of which more entries let more files in."""

_ALLOWS = ("percent", "negative_brackets", "trim")

_NO_NEW_COLUMN = "a file with a new column is refused"
_STRICTER = {
    "on_bad_row": {("quarantine", "reject_file"): "a file with a bad row is refused whole"},
    "on_new_column": {
        ("add", "reject"): _NO_NEW_COLUMN,
        ("rescue", "reject"): _NO_NEW_COLUMN,
        ("add", "rescue"): "columns that the table got from files get nothing more: it goes to `_rescued`",
    },
}
"""What may become of bad rows and new columns: which changes of it break something, and why."""

_DROPPED = (
    "it stays in the table, and nothing checks its values any more; if files may lack it, mark it optional; to rename "
    "it for readers, keep it and make a view"
)


@dataclass(frozen=True, slots=True)
class Breach:
    """One change that breaks something: `field` is a path such as `stage_a.columns.id`, `why` says for whom."""

    field: str
    why: str

    def __str__(self) -> str:
        return f"{self.field}: {self.why}"

    def to_json(self) -> dict[str, str]:
        """As programs get it."""
        return asdict(self)


def breaches(before: Dataset, after: Dataset) -> list[Breach]:
    """What of a change is breaking; an empty list if all of it is compatible."""
    columns = [Breach(f"stage_a.columns.{name}", why) for name, why in _columns(before.stage_a, after.stage_a)]
    files = [Breach(f"stage_a.{field}", why) for field, why in _files(before.stage_a, after.stage_a)]
    table = [Breach(f"table.{field}", why) for field, why in _table(before.table, after.table)]
    given = [Breach(f"transform.columns.{name}", why) for name, why in _given_columns(before, after)]
    return [*files, *columns, *table, *given]


def _given_columns(before: Dataset, after: Dataset) -> Iterator[tuple[str, str]]:
    """What a transform gives no more, or as another type: its statement itself is not judged."""
    if before.transform is None or after.transform is None:
        return
    old, new = before.transform.columns, after.transform.columns
    for name in old.keys() & new.keys():
        if not _holds_all(parse_type(old[name]), parse_type(new[name])):
            yield name, f"{old[name]} → {new[name]}: values of the table do not all fit, and applying is refused"
    if new:
        yield from ((name, _DROPPED) for name in sorted(old.keys() - new.keys()))


def refusals(before: Dataset, after: Dataset) -> list[Breach]:
    """What of a change `datasets apply` refuses, with what to do: narrower types, renamed columns, and dropped ones.

    A column that was `optional` may be dropped: its files need not have it, and nobody reads it as complete.
    """
    old, new = before.stage_a.columns, after.stage_a.columns
    dropped = [name for name in old if name not in after.contract and not old[name].optional]
    found = [Breach(f"stage_a.columns.{name}", _dropped(name, before, after)) for name in dropped]
    for name in old.keys() & new.keys():
        have, wanted = parse_type(old[name].type), parse_type(new[name].type)
        if not _holds_all(have, wanted):
            found.append(Breach(f"stage_a.columns.{name}", f"{have} → {wanted}: {_NARROWED}"))
    return sorted(found, key=lambda breach: breach.field)


_NARROWED = (
    "values of the table do not all fit, or a field within is gone. Keep the type, and add a column of the other one; "
    "or make a new dataset and load it from the raw objects"
)


def _dropped(name: str, before: Dataset, after: Dataset) -> str:
    kind = before.stage_a.columns[name].type
    added = after.stage_a.columns.items() - before.stage_a.columns.items()
    likely = sorted(each for each, column in added if each not in before.stage_a.columns and column.type == kind)
    if likely:
        return (
            f"it is gone, and {likely[0]} is new: a column of a table is not renamed. If files have it by "
            f"another name, keep `{name}` and say `from: {likely[0]}`; for readers, make a view"
        )
    return (
        f"a column of a table is not dropped. If files may lack it, keep `{name}` and say `optional: true`; once that "
        "is applied it may be left out of the definition, and stays in the table"
    )


def _files(before: StageA, after: StageA) -> Iterator[tuple[str, str]]:
    fields = StageA.model_fields.keys() - {"columns", "on_bad_value", "max_bad_rows"}
    for field in sorted(field for field in fields if getattr(before, field) != getattr(after, field)):
        old, new = getattr(before, field), getattr(after, field)
        if field in _STRICTER:
            if why := _STRICTER[field].get((old, new)):
                yield field, why
        elif field in _ADDS:
            if not set(old) <= set(new):
                yield field, "values that were read with them are bad, or text, now"
            elif field == "null_values":
                yield field, "texts that readers had are null in new files"
        elif field in _ALLOWS:
            if not new:
                yield field, "values that were read with it are bad now"
        else:
            yield field, "files that are written as before are refused, or read otherwise"
    if _is_stricter(before.max_bad_rows, after.max_bad_rows):
        yield "max_bad_rows", "files with as many bad rows as before are refused"


def _is_stricter(before: int | str | None, after: int | str | None) -> bool:
    if after is None or before == after:
        return False
    # Of a count and a share nobody knows which is more.
    return type(before) is not type(after) or _number(after) < _number(before)


def _number(limit: Any) -> float:
    return float(str(limit).removesuffix("%"))


def _columns(before: StageA, after: StageA) -> Iterator[tuple[str, str]]:
    for name, column in after.columns.items():
        if name in before.columns:
            yield from ((name, why) for why in _column(before.columns[name], column))
        elif not column.optional:
            yield name, "files without it are refused; mark it optional if older files may still come"
    yield from ((name, _DROPPED) for name in before.columns.keys() - after.columns.keys())


def _column(before: Column, after: Column) -> Iterator[str]:
    old, new = parse_type(before.type), parse_type(after.type)
    if not _holds_all(old, new):
        yield f"{old} → {new}: values of the table do not all fit, and applying is refused"
    if before.optional and not after.optional:
        yield "files without it are refused"
    if after.required and not before.required:
        yield "rows without a value in it are bad"
    if before.leading_zeros and not after.leading_zeros:
        yield "numbers with zeros in front are bad now"
    if before.source != after.source:
        yield "it is taken from another column of the file"
    if before.format != after.format or before.timezone != after.timezone:
        yield "values that are written as before are bad, or read otherwise"
    if not (set(before.true_values) <= set(after.true_values) and set(before.false_values) <= set(after.false_values)):
        yield "words that were true or false are bad values now"


def _holds_all(narrow: Type, wide: Type) -> bool:
    match narrow, wide:
        case _ if narrow == wide:
            return True
        case Array(), Array():
            return _holds_all(narrow.element, wide.element)
        case Map(), Map():
            return narrow.key == wide.key and _holds_all(narrow.value, wide.value)
        case Struct(), Struct():
            have = {field.name: field.type for field in narrow.fields}
            wanted = {field.name: field.type for field in wide.fields}
            return all(name in wanted and _holds_all(kind, wanted[name]) for name, kind in have.items())
    return is_wider(wide, narrow)


def _table(before: Table, after: Table) -> Iterator[tuple[str, str]]:
    if before.format != after.format:
        yield "format", "a table's format does not change, and applying is refused"
    if before.write != after.write:
        yield "write", f"rows that come do otherwise to those that are there: {before.write} → {after.write}"
    if before.key != after.key:
        yield "key", "other rows are the same row"
    if before.partition_by != after.partition_by:
        yield "partition_by", "partitions of a table do not change, and applying is refused"
