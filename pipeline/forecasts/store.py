"""Writes the index, and reads it. What is written twice, late or by two at once leaves it as if once and in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.core import dynamo
from pipeline.core.dynamo import Change
from pipeline.core.errors import BadObject, Transient
from pipeline.core.objects import ObjectVersion
from pipeline.forecasts.index import (
    BY_TIME,
    ORDER,
    PARTITION,
    SORT,
    Item,
    files_partition,
    layout_partition,
    listed_times,
    times_partition,
)
from pipeline.forecasts.layouts import Layout, packed, unpack

BATCH = 100
"""Items of one transaction at most (DynamoDB quota)."""
FEW = 40
"""Times that are listed one after another; more in transactions, which are quicker and fail beside other writers."""

_NEWER = f"attribute_not_exists(#{SORT}) OR #{ORDER} < :order"
_NEWER_RUN = "attribute_not_exists(#forecast_reference_time) OR #forecast_reference_time < :run"


class Index:
    """The index of forecasts in its table."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, items: Sequence[Item]) -> int:
        """Put a file's items, but none over that of a newer file, and list their times; how many were put.

        Repeating it changes nothing. `Transient` if others write the same items at this moment.
        """
        written = 0
        for start in range(0, len(items), BATCH):
            written += self._put(items[start : start + BATCH])
        # After the items: a time that is listed is there.
        self._list(listed_times(items))
        return written

    def _put(self, items: Sequence[Item]) -> int:
        """Put items in one transaction, without those whose place a newer file has."""
        left = list(items)
        while left:
            put = [self._action(item, _NEWER, {"order": item[ORDER]}) for item in left]
            refused = dynamo.transact(self._client, put)
            if not refused:
                return len(left)
            left = [item for item, refusal in zip(left, refused, strict=True) if refusal is None]
        return 0

    def _action(self, item: Item, condition: str, values: Mapping[str, str]) -> dict[str, Any]:
        """A put on a condition, in whose text `#name` is an attribute and `:name` one of `values`."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": dynamo.encode(item),
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {f"#{name}": name for name in re.findall(r"#(\w+)", condition)},
                "ExpressionAttributeValues": dynamo.encode({f":{name}": value for name, value in values.items()}),
            }
        }

    def _list(self, wanted: Sequence[Item]) -> None:
        """List times. Most are listed already by another file of their run: one read of all spares their writes."""
        keys = [{PARTITION: each[PARTITION], SORT: each[SORT]} for each in wanted]
        known = {(each[PARTITION], each[SORT]): each for each in dynamo.get_many(self._client, self._table, keys)}
        left = [
            each
            for each in wanted
            if (before := known.get((each[PARTITION], each[SORT]))) is None
            or before["forecast_reference_time"] < each["forecast_reference_time"]
        ]
        for start in range(0, len(left), BATCH):
            some = left[start : start + BATCH]
            if len(left) <= FEW or not self._list_at_once(some):
                for each in some:
                    self._list_one(each)

    def _list_at_once(self, items: Sequence[Item]) -> bool:
        """List times in one transaction; whether all of them could be."""
        put = [self._action(item, _NEWER_RUN, {"run": item["forecast_reference_time"]}) for item in items]
        try:
            return not dynamo.transact(self._client, put)
        except Transient:
            return False

    def _list_one(self, item: Item) -> None:
        key = {PARTITION: item[PARTITION], SORT: item[SORT]}
        values = {name: value for name, value in item.items() if name not in key}
        change = Change(key, values, _NEWER_RUN, {"run": item["forecast_reference_time"]})
        # Refused where another file was quicker, with this run or a later one.
        dynamo.update_if(self._client, self._table, change)

    def times_between(self, model: str, variable: str, first: str, last: str, limit: int) -> list[Item]:
        """The times of a model and a variable (`*` for all) from one to another, both included."""
        condition = f"{PARTITION} = :partition AND {SORT} BETWEEN :first AND :last"
        values = {":partition": times_partition(model, variable), ":first": first, ":last": last}
        return list(self._query(condition, values, limit, newest_first=False))

    def times(
        self, model: str, variable: str, *, limit: int, after: str | None = None, newest_first: bool = False
    ) -> Iterator[Item]:
        """The times of a model and a variable (`*` for all), from the first or the last on, or `after` one."""
        condition, values = f"{PARTITION} = :partition", {":partition": times_partition(model, variable)}
        if after is not None:
            condition += f" AND {SORT} {'<' if newest_first else '>'} :after"
            values[":after"] = after
        yield from self._query(condition, values, limit, newest_first=newest_first)

    def at(self, time: str, *, limit: int | None = None) -> Iterator[Item]:
        """What is forecast for a time, the newest run first."""
        yield from self._query("forecast_time = :time", {":time": time}, limit, newest_first=True, IndexName=BY_TIME)

    def keep_layout(self, obj: ObjectVersion, layout: Layout) -> None:
        """Keep where the values of a variable are in a file; `BadObject` if that is too much."""
        key = {PARTITION: layout_partition(obj), SORT: layout.variable}
        self._client.put_item(TableName=self._table, Item=dynamo.encode({**key, "layout": packed(layout)}))

    def keep_reason(self, obj: ObjectVersion, variable: str, reason: str) -> None:
        """Keep why the values of a variable cannot be read from a file."""
        key = {PARTITION: layout_partition(obj), SORT: variable}
        self._client.put_item(TableName=self._table, Item=dynamo.encode({**key, "reason": reason[:1000]}))

    def layout(self, obj: ObjectVersion, variable: str) -> Layout | None:
        """Where the values of a variable are in a file; None if it is not kept, `BadObject` with the reason that is."""
        item = dynamo.get(self._client, self._table, {PARTITION: layout_partition(obj), SORT: variable})
        if item and "reason" in item:
            raise BadObject(item["reason"])
        return unpack(bytes(item["layout"])) if item else None

    def keep_file(self, item: Item) -> None:
        """Keep how a file was fetched when it was first."""
        dynamo.put_if(self._client, self._table, item, f"attribute_not_exists(#{SORT})")

    def files(self, source: str, limit: int) -> list[Item]:
        """How the files of a source were fetched, those that were announced last first."""
        condition, values = f"{PARTITION} = :partition", {":partition": files_partition(source)}
        return list(self._query(condition, values, limit, newest_first=True))

    def partition(self, name: str) -> Iterator[Item]:
        """All items of a partition."""
        yield from self._query(f"{PARTITION} = :partition", {":partition": name}, None, newest_first=False)

    def _query(
        self, condition: str, values: Mapping[str, Any], limit: int | None, *, newest_first: bool, **more: Any
    ) -> Iterator[Item]:
        yield from dynamo.query(
            self._client,
            limit,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=dynamo.encode(values),
            ScanIndexForward=not newest_first,
            **more,
        )
