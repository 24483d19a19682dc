"""What a stream's records, or items of a scan, do to the target's rows, by the contract and in their order.

A table that was restored, and one whose stream was switched off and on, has a new stream. That its numbers go on where
those of the stream before ended, nobody says; that all its records are newer is certain. So the order of a record is
when its stream was made, and then its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from pipeline.core.clock import epoch_ms, parse_iso
from pipeline.core.errors import Inconsistent, Misconfigured
from pipeline.feeds.cells import Cell, cell_of, short_way
from pipeline.feeds.definition import Column, Feed, path_of
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.pseudonyms import Pseudonyms
from pipeline.feeds.types import parse_type
from pipeline.feeds.values import Attribute, Unfit, one_spelling

IMPORTED = 0
"""The sequence of what a scan or an export found: any change that the stream tells of is newer."""

ORDER_DIGITS = 56
"""Decimal digits of an order: up to 40 of a record's number (API reference, "StreamRecord"), and before them the
milliseconds at which its stream was made."""
_OF_A_STREAM = 10**40

_COPY = ".sluice-copy"

_LONGEST = 2500
"""Bytes of the texts of a key: an index of PostgreSQL takes entries of 2,704 ("B-Tree Indexes"), and both keys of
DynamoDB together may have 3,072."""
_TOO_LONG = f"is longer than {_LONGEST} bytes together with the rest of the key, which PostgreSQL cannot index"


def copy_of(table: str) -> str:
    """The name of the copy through whose stream a table's history is imported."""
    return f"{table}{_COPY}"


class Change(NamedTuple):
    """One row of the target as it is from its order `sequence` on; `values` are of all columns, None of one deleted.

    One is made of each record: a tuple is made three times as fast as a frozen dataclass.
    """

    key: tuple[Any, ...]
    sequence: int
    values: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is no row. It holds no value of it: `sequence`, the number that the stream gave it, leads to it."""

    sequence: int
    column: str
    reason: str
    key: tuple[Any, ...] | None = None
    """The row's key, where the key could be made: what stands there is not the newest."""


class Decoder:
    """Makes changes of records. Made once for a contract and the versions of its namespaces' keys."""

    def __init__(self, feed: Feed, keyring: Keyring, versions: Mapping[str, int]) -> None:
        self._names, self._key_names = tuple(feed.columns), set(feed.target.key)
        self._pseudonyms = {
            name: Pseudonyms(name, namespace, keyring, versions[name]) for name, namespace in feed.namespaces.items()
        }
        self._cells = [self._cell(name, column) for name, column in feed.columns.items()]
        self._values = [
            short_way(cell, column) for cell, column in zip(self._cells, feed.columns.values(), strict=True)
        ]
        self._places = [self._names.index(name) for name in feed.target.key]
        self._may_be_long = sum(kind == "text" for kind in _kinds_of_key(feed)) > 1
        first, *others = self._places
        self._key_of = itemgetter(first, *others) if others else itemgetter(slice(first, first + 1))
        self._copy = f":table/{copy_of(feed.source.table)}/stream/"
        self._known = {path_of(name, column)[0] for name, column in feed.columns.items()} | set(feed.dropped)

    def decode(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Change | Refusal]:
        """A change or a refusal for each of a stream's records, as Lambda gives them.

        A record of the copy's stream tells what a scan found: it counts as imported, whatever its own number.
        """
        for record in records:
            told = record["dynamodb"]
            stream = record.get("eventSourceARN", "")
            is_copied = self._copy in stream
            sequence = IMPORTED if is_copied else int(told["SequenceNumber"])
            order = IMPORTED if is_copied else _beginning(stream) + sequence
            if record["eventName"] == "REMOVE":
                if is_copied:
                    continue
                found = self._removal(told["Keys"], order)
            elif (image := told.get("NewImage")) is None:
                raise Misconfigured(
                    "the stream does not show items: its view type must be NEW_IMAGE or NEW_AND_OLD_IMAGES"
                )
            else:
                found = self.of_item(image, order)
            yield found if isinstance(found, Change) else replace(found, sequence=sequence)

    def of_item(self, item: Mapping[str, Attribute], sequence: int = IMPORTED) -> Change | Refusal:
        """The row that an item is."""
        try:
            values = tuple([value(item) for value in self._values])
        except Unfit:
            return self._refusal(item, sequence)
        key = self._key_of(values)
        if None in key:
            return Refusal(sequence, self._names[self._places[key.index(None)]], "is null, and of the key")
        if self._may_be_long and _is_long(key):
            return Refusal(sequence, self._names[self._places[0]], _TOO_LONG)
        return Change(key, sequence, values)

    def unknown(self, item: Mapping[str, Attribute]) -> set[str]:
        """Attributes of an item that the contract does not name at all: they stay behind, and somebody should know."""
        return item.keys() - self._known

    def _removal(self, keys: Mapping[str, Attribute], sequence: int) -> Change | Refusal:
        found = []
        for cell in (self._cells[place] for place in self._places):
            try:
                value = cell.of(keys)
            except Unfit as error:
                return Refusal(sequence, cell.name, str(error))
            if value is None:
                return Refusal(sequence, cell.name, "is null, and of the key")
            found.append(value)
        if self._may_be_long and _is_long(found):
            return Refusal(sequence, self._names[self._places[0]], _TOO_LONG)
        return Change(tuple(found), sequence, None)

    def _refusal(self, item: Mapping[str, Attribute], sequence: int) -> Refusal:
        """Of an item that has a value that does not fit: which is the first, and why."""
        key = self._removal(item, sequence).key
        for cell in self._cells:
            try:
                cell.checked(item)
            except Unfit as error:
                return Refusal(sequence, cell.name, str(error), key)
        raise Inconsistent("a value of an item did not fit, and none does not")

    def _cell(self, name: str, column: Column) -> Cell:
        cell = cell_of(name, column, self._pseudonyms[column.pseudonymise] if column.pseudonymise else None)
        return replace(cell, read=one_spelling(cell.read)) if name in self._key_names else cell


@lru_cache(maxsize=8)
def _beginning(stream: str) -> int:
    """What the numbers of a stream are added to, by its ARN, which ends with the time at which it was made."""
    _, is_named, label = stream.partition("/stream/")
    if not is_named:
        return 0
    made = parse_iso(label)
    return epoch_ms(made if made.tzinfo else made.replace(tzinfo=UTC)) * _OF_A_STREAM


def _kinds_of_key(feed: Feed) -> Iterator[str]:
    return (parse_type(feed.columns[name].type).kind for name in feed.target.key)


def _is_long(key: Iterable[Any]) -> bool:
    texts = [part for part in key if isinstance(part, str)]
    # A character has four bytes at most.
    return sum(map(len, texts)) > _LONGEST // 4 and sum(len(text.encode()) for text in texts) > _LONGEST


def newest(changes: Iterable[Change]) -> list[Change]:
    """The newest change of each key, in the keys' order: writers that meet wait for each other and do not deadlock."""
    found: dict[tuple[Any, ...], Change] = {}
    for change in changes:
        known = found.get(change.key)
        if known is None or change.sequence >= known.sequence:
            found[change.key] = change
    return sorted(found.values(), key=lambda change: change.key)
