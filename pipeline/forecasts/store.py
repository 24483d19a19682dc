"""Writes the index, and reads it. What is written twice, late or by two at once leaves it as if once and in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.core import dynamo
from pipeline.core.dynamo import Change
from pipeline.core.objects import ObjectVersion
from pipeline.forecasts.index import (
    BY_TIME,
    ORDER,
    PARTITION,
    SORT,
    Item,
    layout_partition,
    listed_times,
    times_partition,
)
from pipeline.forecasts.layouts import Layout, packed, unpack

BATCH = 100
"""Items of one transaction at most (DynamoDB quota)."""

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
            refused = dynamo.transact(self._client, [self._action(item) for item in left])
            if not refused:
                return len(left)
            left = [item for item, refusal in zip(left, refused, strict=True) if refusal is None]
        return 0

    def _action(self, item: Item) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self._table,
                "Item": dynamo.encode(item),
                "ConditionExpression": _NEWER,
                "ExpressionAttributeNames": {f"#{SORT}": SORT, f"#{ORDER}": ORDER},
                "ExpressionAttributeValues": dynamo.encode({":order": item[ORDER]}),
            }
        }

    def _list(self, wanted: Sequence[Item]) -> None:
        """List times. Most are listed already by another file of their run: one read of all spares their writes."""
        keys = [{PARTITION: each[PARTITION], SORT: each[SORT]} for each in wanted]
        known = {(each[PARTITION], each[SORT]): each for each in dynamo.get_many(self._client, self._table, keys)}
        for each in wanted:
            before = known.get((each[PARTITION], each[SORT]))
            if before is None or before["forecast_reference_time"] < each["forecast_reference_time"]:
                self._list_one(each)

    def _list_one(self, item: Item) -> None:
        key = {PARTITION: item[PARTITION], SORT: item[SORT]}
        values = {name: value for name, value in item.items() if name not in key}
        change = Change(key, values, _NEWER_RUN, {"run": item["forecast_reference_time"]})
        # Refused where another file was quicker, with this run or a later one.
        dynamo.update_if(self._client, self._table, change)

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

    def layout(self, obj: ObjectVersion, variable: str) -> Layout | None:
        """Where the values of a variable are in a file; None if it is not kept."""
        item = dynamo.get(self._client, self._table, {PARTITION: layout_partition(obj), SORT: variable})
        return unpack(bytes(item["layout"])) if item else None

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
