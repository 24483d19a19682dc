"""What a stream's records, or items of a scan, do to the target's rows, by the contract and in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline.core.errors import Misconfigured
from pipeline.feeds.definition import Column, Feed, path_of
from pipeline.feeds.generalisations import generaliser
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.pseudonyms import Pseudonyms
from pipeline.feeds.values import Attribute, Unfit, kind_of, reader

_PEOPLE = 50_000
"""How many identifiers of a namespace are remembered, at some 300 bytes each."""

IMPORTED = 0
"""The sequence of what a scan or an export found: any change that the stream tells of is newer."""

_COPY = ".sluice-copy"


def copy_of(table: str) -> str:
    """The name of the copy through whose stream a table's history is imported."""
    return f"{table}{_COPY}"


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the target as it is from `sequence` on; `values` are those of all columns, None of one deleted."""

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
        self._readers = [(name, self._compiled(name, column)) for name, column in feed.columns.items()]
        self._key = [self._readers[self._names.index(name)] for name in feed.target.key]
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
            for name, read in self._readers:  # noqa: B007  the name of the one that failed
                values.append(read(item))
        except Unfit as error:
            return self._refusal(item, sequence, name, error)
        for place in self._places:
            if values[place] is None:
                return Refusal(sequence, self._names[place], "is null, and of the key")
        return Change(tuple(values[place] for place in self._places), sequence, tuple(values))

    def unknown(self, item: Mapping[str, Attribute]) -> set[str]:
        """Attributes of an item that the contract does not name at all: they stay behind, and somebody should know."""
        return item.keys() - self._known

    def _removal(self, keys: Mapping[str, Attribute], sequence: int) -> Change | Refusal:
        found = []
        for name, read in self._key:
            try:
                value = read(keys)
            except Unfit as error:
                return Refusal(sequence, name, str(error))
            if value is None:
                return Refusal(sequence, name, "is null, and of the key")
            found.append(value)
        return Change(tuple(found), sequence, None)

    def _refusal(self, item: Mapping[str, Attribute], sequence: int, name: str, error: Unfit) -> Refusal:
        of_key = self._removal(item, sequence)
        return Refusal(sequence, name, str(error), of_key.key)

    def _compiled(self, name: str, column: Column) -> Callable[[Mapping[str, Attribute]], Any]:
        """Reads a column's value from an item. Made of as few calls as there can be: most of the time goes here."""
        read = reader(column)
        if column.pseudonymise:
            read = _one_after_another(read, _pseudonymiser(self._pseudonyms[column.pseudonymise]))
        elif column.generalise:
            read = _one_after_another(read, generaliser(column.generalise))
        path = path_of(name, column)
        value = _at_the_root(path[0], read) if len(path) == 1 else _within(path, read)
        return _required(value) if column.required else value


def _one_after_another(read: Callable[[Attribute], Any], treat: Callable[[Any], Any]) -> Callable[[Attribute], Any]:
    return lambda attribute: treat(read(attribute))


def _at_the_root(name: str, read: Callable[[Attribute], Any]) -> Callable[[Mapping[str, Attribute]], Any]:
    def value(item: Mapping[str, Attribute]) -> Any:
        attribute = item.get(name)
        return None if attribute is None or "NULL" in attribute else read(attribute)

    return value


def _within(path: tuple[str, ...], read: Callable[[Attribute], Any]) -> Callable[[Mapping[str, Attribute]], Any]:
    root, rest = path[0], path[1:]

    def value(item: Mapping[str, Attribute]) -> Any:
        attribute = item.get(root)
        for step in rest:
            if attribute is None or "NULL" in attribute:
                return None
            if "M" not in attribute:
                raise Unfit(f"is {kind_of(attribute)} and no map that holds {step}")
            attribute = attribute["M"].get(step)
        return None if attribute is None or "NULL" in attribute else read(attribute)

    return value


def _required(value: Callable[[Mapping[str, Attribute]], Any]) -> Callable[[Mapping[str, Attribute]], Any]:
    def found(item: Mapping[str, Attribute]) -> Any:
        if (its := value(item)) is None:
            raise Unfit("is null, and required")
        return its

    return found


def _pseudonymiser(pseudonyms: Pseudonyms) -> Callable[[str], str | None]:
    def pseudonym(identifier: str) -> str | None:
        try:
            return pseudonyms.of(identifier)
        except UnicodeEncodeError:
            # The error quotes the identifier.
            raise Unfit("is no text: it has half of a character") from None

    # People come back: most records are of somebody who was in one shortly before.
    return lru_cache(maxsize=_PEOPLE)(pseudonym)


def newest(changes: Iterable[Change]) -> list[Change]:
    """The newest change of each key, in the keys' order: writers that meet wait for each other and do not deadlock."""
    found: dict[tuple[Any, ...], Change] = {}
    for change in changes:
        known = found.get(change.key)
        if known is None or change.sequence >= known.sequence:
            found[change.key] = change
    return sorted(found.values(), key=lambda change: change.key)
