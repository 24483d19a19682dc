"""A column's value in an item: found, read and treated as the contract says.

Each column has one way to it that takes whatever there is, and most have a short one for what items usually hold. The
short way knows few cases and leaves all others to the first, errors too: it makes the same values, in half of the time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pipeline.feeds.definition import Column, path_of
from pipeline.feeds.generalisations import band_names, generaliser
from pipeline.feeds.pseudonyms import Pseudonyms
from pipeline.feeds.types import parse_type
from pipeline.feeds.values import Attribute, Unfit, is_finer, is_storable, kind_of, reader, usual_decimal

Item = Mapping[str, Attribute]
Value = Callable[[Item], Any]
"""Makes a column's value of an item; Unfit if it cannot."""

_REMEMBERED = 50_000
"""How many texts of a column are remembered, at some 300 bytes each."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of an item. `path` leads to it within maps; `read` makes its value of an attribute that is there."""

    name: str
    path: tuple[str, ...]
    read: Callable[[Attribute], Any]
    required: bool = False

    def of(self, item: Item) -> Any:
        """The value, None of an attribute that is null or not there; Unfit of one that cannot be read."""
        attribute = _find(item, self.path)
        return None if attribute is None or "NULL" in attribute else self.read(attribute)

    def checked(self, item: Item) -> Any:
        """The same; Unfit also of a null where a value is required."""
        value = self.of(item)
        if value is None and self.required:
            raise Unfit("is null, and required")
        return value


def cell_of(name: str, column: Column, pseudonyms: Pseudonyms | None) -> Cell:
    """What a column says, for any item. `pseudonyms` are those of its namespace, if it has one."""
    read = reader(column)
    if pseudonyms:
        read = _one_after_another(read, _pseudonymiser(pseudonyms))
    elif column.generalise:
        read = _one_after_another(read, generaliser(column.generalise))
    return Cell(name, path_of(name, column), read, column.required)


def short_way(cell: Cell, column: Column) -> Value:
    """The value as `cell.checked` makes it, for most items in less time."""
    usual = _usual(cell, column)
    return _within_maps(cell, cell.path, usual) if usual else cell.checked


_Usual = Callable[[str, Value], Value]
"""Makes the short way to an attribute of that name, with the way to take where it is not as usual."""


def _usual(cell: Cell, column: Column) -> _Usual | None:
    kind, how = parse_type(column.type), column.generalise
    # People and places come back; moments and amounts hardly do.
    if column.pseudonymise or (how and how.prefix):
        return lambda name, otherwise: _remembered(name, cell.read, otherwise)
    if how and how.bands:
        return lambda name, otherwise: _band(name, how.bands or (), otherwise)
    if column.written_as == "iso" and kind.kind == "timestamp" and not how:
        return _moment
    if column.written_as == "iso" and kind.kind == "date" and how:
        return lambda name, otherwise: _start(name, generaliser(how), otherwise)
    if kind.kind == "decimal" and (is_usual := usual_decimal(kind)):
        return lambda name, otherwise: _decimal(name, is_usual, otherwise)
    return _text if kind.kind == "text" else None


# Each subscript below costs half of a call of `get`, and hardly ever fails.


def _within_maps(cell: Cell, path: Sequence[str], usual: _Usual) -> Value:
    root, *rest = path
    if not rest:
        return usual(root, cell.checked)
    inner = _within_maps(Cell(cell.name, tuple(rest), cell.read, cell.required), rest, usual)

    def value(item: Item) -> Any:
        try:
            found = item[root]["M"]
        except KeyError:
            return cell.checked(item)
        return inner(found)

    return value


def _remembered(name: str, read: Callable[[Attribute], Any], otherwise: Value) -> Value:
    known: dict[str, Any] = {}

    def learn(item: Item) -> Any:
        value = otherwise(item)
        text = item[name].get("S") if name in item else None
        if value is not None and text is not None:
            if len(known) >= _REMEMBERED:
                known.clear()
            known[text] = value
        return value

    def value(item: Item) -> Any:
        try:
            return known[item[name]["S"]]
        except KeyError:
            return learn(item)

    return value


def _text(name: str, otherwise: Value) -> Value:
    def value(item: Item) -> Any:
        try:
            found = item[name]["S"]
        except KeyError:
            return otherwise(item)
        if found.isascii() and "\x00" not in found:
            return found
        return found if is_storable(found) else otherwise(item)

    return value


def _decimal(name: str, is_usual: Callable[[str], Any], otherwise: Value) -> Value:
    def value(item: Item) -> Any:
        try:
            found = item[name]["N"]
        except KeyError:
            return otherwise(item)
        return Decimal(found) if is_usual(found) else otherwise(item)

    return value


def _band(name: str, ends: tuple[int, ...], otherwise: Value) -> Value:
    names, lower = band_names(ends), [Decimal(end) for end in ends]

    def value(item: Item) -> Any:
        try:
            number = Decimal(item[name]["N"])
        except (KeyError, InvalidOperation):
            return otherwise(item)
        return names[bisect_right(lower, number)] if number.is_finite() else otherwise(item)

    return value


def _moment(name: str, otherwise: Value) -> Value:
    def value(item: Item) -> Any:
        try:
            text = item[name]["S"]
            found = datetime.fromisoformat(text)
        except (KeyError, ValueError):
            return otherwise(item)
        return found if found.tzinfo is UTC and not is_finer(text) else otherwise(item)

    return value


def _start(name: str, treat: Callable[[Any], Any], otherwise: Value) -> Value:
    def value(item: Item) -> Any:
        try:
            found = datetime.fromisoformat(item[name]["S"])
        except (KeyError, ValueError):
            return otherwise(item)
        return treat(found.date()) if found.tzinfo is UTC else otherwise(item)

    return value


def _find(item: Item, path: Sequence[str]) -> Attribute | None:
    root, *rest = path
    attribute = item.get(root)
    for step in rest:
        if attribute is None or "NULL" in attribute:
            return None
        if "M" not in attribute:
            raise Unfit(f"is {kind_of(attribute)} and no map that holds {step}")
        attribute = attribute["M"].get(step)
    return attribute


def _one_after_another(read: Callable[[Attribute], Any], treat: Callable[[Any], Any]) -> Callable[[Attribute], Any]:
    return lambda attribute: treat(read(attribute))


def _pseudonymiser(pseudonyms: Pseudonyms) -> Callable[[str], str | None]:
    def pseudonym(identifier: str) -> str | None:
        try:
            return pseudonyms.of(identifier)
        except UnicodeEncodeError:
            # The error quotes the identifier.
            raise Unfit("is no text: it has half of a character") from None

    return pseudonym
