"""What a stream's records, or items of a scan, do to the target's rows, by the contract and in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.core.errors import Misconfigured
from pipeline.feeds.definition import Column, Feed, path_of
from pipeline.feeds.generalisations import generaliser
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.pseudonyms import Pseudonyms
from pipeline.feeds.values import Attribute, Unfit, kind_of, reader

_REMEMBERED = 50_000
"""How many texts of a column are remembered, at some 300 bytes each."""

_NO_TEXT = "\x00"
"""Stands for the text of an attribute of another type: no text that has this character becomes a value."""

IMPORTED = 0
"""The sequence of what a scan or an export found: any change that the stream tells of is newer."""

_COPY = ".sluice-copy"


def copy_of(table: str) -> str:
    """The name of the copy through whose stream a table's history is imported."""
    return f"{table}{_COPY}"


class Change(NamedTuple):
    """One row of the target as it is from `sequence` on; `values` are those of all columns, None of one deleted.

    One is made of each record: a tuple is made three times as fast as a frozen dataclass.
    """

    key: tuple[Any, ...]
    sequence: int
    values: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is no row. It holds no value of it: `sequence` leads to it while the stream has it."""

    sequence: int
    column: str
    reason: str
    key: tuple[Any, ...] | None = None
    """The row's key, where the key could be made: what stands there is not the newest."""


class Decoder:
    """Makes changes of records. Made once for a contract and the versions of its namespaces' keys."""

    def __init__(self, feed: Feed, keyring: Keyring, versions: Mapping[str, int]) -> None:
        self._names = tuple(feed.columns)
        self._pseudonyms = {
            name: Pseudonyms(name, namespace, keyring, versions[name]) for name, namespace in feed.namespaces.items()
        }
        self._columns = [self._compiled(name, column) for name, column in feed.columns.items()]
        self._key = [self._columns[self._names.index(name)] for name in feed.target.key]
        self._places = [self._names.index(name) for name in feed.target.key]
        self._copy = f":table/{copy_of(feed.source.table)}/stream/"
        self._known = {path_of(name, column)[0] for name, column in feed.columns.items()} | set(feed.dropped)

    def decode(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Change | Refusal]:
        """A change or a refusal for each of a stream's records, as Lambda gives them.

        A record of the copy's stream tells what a scan found: it counts as imported, whatever its own number.
        """
        for record in records:
            told = record["dynamodb"]
            is_copied = self._copy in record.get("eventSourceARN", "")
            sequence = IMPORTED if is_copied else int(told["SequenceNumber"])
            if record["eventName"] == "REMOVE":
                if not is_copied:
                    yield self._removal(told["Keys"], sequence)
            elif (image := told.get("NewImage")) is None:
                raise Misconfigured(
                    "the stream does not show items: its view type must be NEW_IMAGE or NEW_AND_OLD_IMAGES"
                )
            else:
                yield self.of_item(image, sequence)

    def of_item(self, item: Mapping[str, Attribute], sequence: int = IMPORTED) -> Change | Refusal:
        """The row that an item is."""
        name = ""
        try:
            values = []
            # Most of the time goes here: no call is made for what is remembered.
            for name, root, find, kind, known, read, is_required in self._columns:  # noqa: B007  of the one that failed
                attribute = item.get(root) if find is None else find(item)
                value = None
                if attribute is not None and (
                    known is None or (value := known.get(attribute.get(kind, _NO_TEXT))) is None
                ):
                    if "NULL" not in attribute:
                        value = read(attribute)
                    if known is not None and value is not None and (text := attribute.get(kind)) is not None:
                        _remember(known, text, value)
                if value is None and is_required:
                    raise Unfit("is null, and required")
                values.append(value)
        except Unfit as error:
            return self._refusal(item, sequence, name, error)
        key = tuple([values[place] for place in self._places])
        if None in key:
            return Refusal(sequence, self._names[self._places[key.index(None)]], "is null, and of the key")
        return Change(key, sequence, tuple(values))

    def unknown(self, item: Mapping[str, Attribute]) -> set[str]:
        """Attributes of an item that the contract does not name at all: they stay behind, and somebody should know."""
        return item.keys() - self._known

    def _removal(self, keys: Mapping[str, Attribute], sequence: int) -> Change | Refusal:
        found = []
        for name, root, find, _, _, read, _ in self._key:
            try:
                attribute = keys.get(root) if find is None else find(keys)
                value = None if attribute is None or "NULL" in attribute else read(attribute)
            except Unfit as error:
                return Refusal(sequence, name, str(error))
            if value is None:
                return Refusal(sequence, name, "is null, and of the key")
            found.append(value)
        return Change(tuple(found), sequence, None)

    def _refusal(self, item: Mapping[str, Attribute], sequence: int, name: str, error: Unfit) -> Refusal:
        of_key = self._removal(item, sequence)
        return Refusal(sequence, name, str(error), of_key.key)

    def _compiled(self, name: str, column: Column) -> _Compiled:
        read = reader(column)
        if column.pseudonymise:
            read = _one_after_another(read, _pseudonymiser(self._pseudonyms[column.pseudonymise]))
        elif column.generalise:
            read = _one_after_another(read, generaliser(column.generalise))
        # People, places and prices come back; moments hardly do.
        comes_back = column.pseudonymise or (column.generalise and not column.generalise.to)
        kind = "N" if column.generalise and column.generalise.bands else "S"
        root, *rest = path_of(name, column)
        find = _within(root, rest) if rest else None
        return name, root, find, kind, {} if comes_back else None, read, column.required


_Reader = Callable[[Attribute], Any]
_Compiled = tuple[
    str, str, Callable[[Mapping[str, Attribute]], Attribute | None] | None, str, dict[str, Any] | None, _Reader, bool
]
"""A column: its name, the attribute, the way to it within maps, the letter of the type whose texts are remembered with
what became of them, what makes its value of an attribute, whether it is required."""


def _remember(known: dict[str, Any], text: str, value: Any) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[text] = value


def _one_after_another(read: _Reader, treat: Callable[[Any], Any]) -> _Reader:
    return lambda attribute: treat(read(attribute))


def _within(root: str, rest: Sequence[str]) -> Callable[[Mapping[str, Attribute]], Attribute | None]:
    def find(item: Mapping[str, Attribute]) -> Attribute | None:
        attribute = item.get(root)
        for step in rest:
            if attribute is None or "NULL" in attribute:
                return None
            if "M" not in attribute:
                raise Unfit(f"is {kind_of(attribute)} and no map that holds {step}")
            attribute = attribute["M"].get(step)
        return attribute

    if len(rest) > 1:
        return find
    (name,) = rest

    def find_quickly(item: Mapping[str, Attribute]) -> Attribute | None:
        attribute = item.get(root)
        if attribute is not None and (inner := attribute.get("M")) is not None:
            found: Attribute | None = inner.get(name)
            return found
        return find(item)

    return find_quickly


def _pseudonymiser(pseudonyms: Pseudonyms) -> Callable[[str], str | None]:
    def pseudonym(identifier: str) -> str | None:
        try:
            return pseudonyms.of(identifier)
        except UnicodeEncodeError:
            # The error quotes the identifier.
            raise Unfit("is no text: it has half of a character") from None

    return pseudonym


def newest(changes: Iterable[Change]) -> list[Change]:
    """The newest change of each key, in the keys' order: writers that meet wait for each other and do not deadlock."""
    found: dict[tuple[Any, ...], Change] = {}
    for change in changes:
        known = found.get(change.key)
        if known is None or change.sequence >= known.sequence:
            found[change.key] = change
    return sorted(found.values(), key=lambda change: change.key)
