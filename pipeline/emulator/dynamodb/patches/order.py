"""DynamoDB's keys, kept in order.

moto reads and sorts the whole table for every query, and for every page of a scan reads again what came before it.
Here a table keeps its keys and those of its indexes sorted, and moto's own query and scan are given only the items
that they can be about. Requests come one at a time (see `calls`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.emulator.dynamodb.projected import attributes_of, projected
from pipeline.emulator.moto.patch import patch, setup

_Key = tuple[tuple[str, Any], ...]
"""Types and values of key attributes, in the order by which items are sorted."""

_END = ("\U0010ffff", None)
"""Greater than any attribute: no type is named so."""


class _Order:
    """The keys of one table: `None` stands for the table itself beside the names of its indexes."""

    def __init__(self, table: Any) -> None:
        self.items = table.items
        self.names = _names(table)
        self._held = {index.name: attributes_of(index) for index in table.all_indexes()}
        self._placed: dict[_Key, dict[str | None, _Key]] = {}
        self._found: dict[_Key, Any] = {}
        self.sorted: dict[str | None, list[_Key]] = {name: [] for name in self.names}
        for item in _all(table):
            key = self._key(None, item.attrs)
            assert key is not None
            self._place(key, item)
        for keys in self.sorted.values():
            keys.sort()

    def is_of(self, table: Any) -> bool:
        return self.items is table.items and self.names == _names(table)

    def _key(self, index: str | None, attributes: Mapping[str, Any]) -> _Key | None:
        """None for an item that is not in the index."""
        names = self.names[index]
        if any(name not in attributes for name in names):
            return None
        return tuple((attributes[name].type, attributes[name].cast_value) for name in names)

    def _place(self, key: _Key, item: Any, *, insert: bool = False) -> None:
        places = {index: place for index in self.names if (place := self._key(index, item.attrs)) is not None}
        for index, place in places.items():
            insort(self.sorted[index], place) if insert else self.sorted[index].append(place)
        self._placed[key], self._found[key] = places, item

    def note(self, table: Any, hash_value: Any, range_value: Any) -> None:
        key = tuple((value.type, value.cast_value) for value in (hash_value, range_value) if value is not None)
        for index, place in self._placed.pop(key, {}).items():
            keys = self.sorted[index]
            del keys[bisect_left(keys, place)]
        self._found.pop(key, None)
        item = table.get_item(hash_value, range_value)
        if item is not None:
            self._place(key, item, insert=True)

    def partition(
        self,
        index: str | None,
        value: Any,
        start: Mapping[str, Any] | None,
        *,
        forward: bool,
        most: int | None,
        filtered: bool,
        whole: bool,
        between: tuple[Any, Any] | None = None,
    ) -> list[Any]:
        """The items with this value of the hash key, in order; those after the key `start`, or not `forward` before.
        With `between` those whose range key lies between two values, both included.

        Unless they are `filtered` no more than `most`, or than a page and one, which tells that there is more: the
        first, or not `forward` the last. `whole` also with what is not in the index.
        """
        keys, first = self.sorted[index], (value.type, value.cast_value)
        low, high = bisect_left(keys, (first,)), bisect_left(keys, (first, _END))
        if between:
            least, greatest = ((bound.type, bound.cast_value) for bound in between)
            low, high = bisect_left(keys, (first, least)), bisect_left(keys, (first, greatest, _END))
        if start and forward:
            low = max(low, bisect_right(keys, self._start(index, start)))
        elif start:
            high = min(high, bisect_left(keys, self._start(index, start)))
        if most is not None:
            low, high = (low, min(high, low + most)) if forward else (max(low, high - most), high)
        places = keys[low:high] if forward else reversed(keys[low:high])
        items = (self._item(key, None if whole else index) for key in places)
        found = list(items if filtered else _page(items))
        return found if forward else found[::-1]

    def after(self, index: str | None, start: Mapping[str, Any] | None, *, whole: bool) -> Iterator[Any]:
        """All items, or those after the key `start`, in order."""
        keys = self.sorted[index]
        for place in range(bisect_right(keys, self._start(index, start)) if start else 0, len(keys)):
            yield self._item(keys[place], None if whole else index)

    def _start(self, index: str | None, start: Mapping[str, Any]) -> _Key:
        from moto.dynamodb.models.dynamo_type import DynamoType

        key = self._key(index, {name: DynamoType(value) for name, value in start.items()})
        assert key is not None
        return key

    def _item(self, place: _Key, index: str | None) -> Any:
        # Every place ends with the table's own key.
        item = self._found[place[-len(self.names[None]) :]]
        return projected(item, self._held[index] if index is not None else None)


def _page(items: Iterator[Any]) -> Iterator[Any]:
    """Those of a page, by its size, and the one after."""
    from moto.dynamodb.models.table import RESULT_SIZE_LIMIT

    size = 0
    for item in items:
        yield item
        size += item.size()
        if size > RESULT_SIZE_LIMIT:
            return


@setup("a table of moto has no keys in order")
def _keep_nothing_at_first() -> None:
    from moto.dynamodb.models.table import Table

    # What a query or a scan under way is given to look at, and the keys in order.
    Table._given = Table._order = None  # type: ignore[attr-defined]


@patch("moto.dynamodb.models.table:Table.put_item", "de23933013ef", "moto keeps no order of its keys")
def _put_item(self: Any, item_attrs: Any, *more: Any, **named: Any) -> Any:
    item = _put_item.original(self, item_attrs, *more, **named)
    note(self, item.hash_key, item.range_key)
    return item


@patch("moto.dynamodb.models.table:Table.delete_item", "1594f7b07616", "moto keeps no order of its keys")
def _delete_item(self: Any, hash_key: Any, range_key: Any) -> Any:
    item = _delete_item.original(self, hash_key, range_key)
    note(self, hash_key, range_key)
    return item


@patch("moto.dynamodb.models.table:Table.query", "002b4d00be6d", "moto reads and sorts the whole table for every query")
def _query(
    self: Any,
    hash_key: Any,
    range_comparison: Any,
    range_objs: Any,
    limit: Any,
    exclusive_start_key: Any,
    scan_index_forward: Any,
    projection: Any,
    index_name: str | None = None,
    *more: Any,
    **named: Any,
) -> Any:
    rest = (scan_index_forward, projection, index_name, *more)
    conditions = named.get("hash_key_conditions") or []
    value = hash_key if index_name is None else conditions[0][1] if len(conditions) == 1 else None
    order = _order(self)
    if value is None or index_name not in order.names:
        return _query.original(self, hash_key, range_comparison, range_objs, limit, exclusive_start_key, *rest, **named)
    forward = scan_index_forward is not False
    # One more than asked for tells that there is more.
    whole = bool(named.keys() - _NOT_A_FILTER)
    between = _between(order.names[index_name], named.get("range_key_conditions"))
    filtered = bool(range_comparison or (named.get("range_key_conditions") and not between) or whole)
    self._given = order.partition(
        index_name,
        value,
        exclusive_start_key,
        forward=forward,
        most=limit + 1 if limit and not filtered else None,
        filtered=filtered,
        whole=whole,
        between=between,
    )
    try:
        return _query.original(self, hash_key, range_comparison, range_objs, limit, None, *rest, **named)
    finally:
        self._given = None


def _between(names: tuple[str, ...], conditions: Any) -> tuple[Any, Any] | None:
    """The bounds of a BETWEEN of the one range key; None where there is another condition or none."""
    if not conditions or len(conditions) != 1 or len(names) < 2:
        return None
    name, comparison, values = conditions[0]
    return (values[0], values[1]) if name == names[1] and comparison.upper() == "BETWEEN" else None


@patch("moto.dynamodb.models.table:Table.scan", "5ef1ab21eef0", "moto reads again what came before a page")
def _scan(
    self: Any,
    filters: Any,
    limit: Any,
    exclusive_start_key: Any,
    filter_expression: Any = None,
    index_name: str | None = None,
    *more: Any,
    **named: Any,
) -> Any:
    rest = (filter_expression, index_name, *more)
    order = _order(self)
    if index_name not in order.names:
        return _scan.original(self, filters, limit, exclusive_start_key, *rest, **named)
    self._given = order.after(index_name, exclusive_start_key, whole=bool(filters))
    try:
        return _scan.original(self, filters, limit, None, *rest, **named)
    finally:
        self._given = None


@patch("moto.dynamodb.models.table:Table.all_items", "c80d2ee3c896", "moto reads the whole table")
def _all_items(self: Any) -> Any:
    return _all_items.original(self) if self._given is None else self._given


@patch("moto.dynamodb.models.table:Table.has_idx_items", "ecab96cbd1a5", "moto reads the whole table")
def _has_idx_items(self: Any, index_name: str) -> Any:
    return _has_idx_items.original(self, index_name) if self._given is None else self._given


@patch("moto.dynamodb.models.table:Table.sorted_items", "216dac1cd6b6", "moto sorts what is in order")
def _sorted_items(self: Any, hash_keys: Any, range_keys: Any, items: Any) -> Any:
    return _sorted_items.original(self, hash_keys, range_keys, items) if self._given is None else items


_NOT_A_FILTER = frozenset({"hash_key_conditions", "range_key_conditions"})
"""What a query is given by name; anything else is an attribute of the old QueryFilter, which moto looks at before it
leaves away what is not in the index."""


def note(table: Any, hash_value: Any, range_value: Any) -> None:
    """The item with this key was written, changed or deleted."""
    order = table._order
    if order is not None and order.is_of(table):
        order.note(table, hash_value, range_value)


def _order(table: Any) -> _Order:
    order: _Order | None = table._order
    if order is None or not order.is_of(table):
        order = table._order = _Order(table)
    return order


def _names(table: Any) -> dict[str | None, tuple[str, ...]]:
    """The attributes by which a table, and each of its indexes, sorts its items."""
    own = tuple(name for name in (table.hash_key_attr, table.range_key_attr) if name is not None)
    names: dict[str | None, tuple[str, ...]] = {None: own}
    for index in table.all_indexes():
        hashed = [key["AttributeName"] for key in index.schema if key["KeyType"] == "HASH"]
        ranged = [key["AttributeName"] for key in index.schema if key["KeyType"] == "RANGE"]
        if len(hashed) == 1:
            names[index.name] = (*hashed, *ranged, *own)
    return names


def _all(table: Any) -> Iterator[Any]:
    for found in table.items.values():
        if table.range_key_attr:
            yield from found.values()
        else:
            yield found
