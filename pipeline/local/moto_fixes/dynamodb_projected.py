"""What an index holds of an item: copied, measured and handed out by itself.

moto copies each item whole, however long its lists are, before it leaves away what is not in the index; and it ends a
page by the size of what it left away.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

_PLAIN = frozenset({"S", "N", "B", "BOOL", "NULL"})


def attributes_of(index: Any) -> frozenset[str] | None:
    """The attributes that moto's `index` of a table holds; None if it is all of them."""
    projection = index.projection or {}
    if projection.get("ProjectionType") not in ("KEYS_ONLY", "INCLUDE"):
        return None
    keys = (*index.table_key_attrs, *(key["AttributeName"] for key in index.schema))
    return frozenset((*keys, *projection.get("NonKeyAttributes", ())))


def projected(item: Any, attributes: frozenset[str]) -> Any:
    """A copy of moto's `item` with no more than `attributes`, which is not copied again."""
    kind, made = _kind(), {n: _copied(v) for n, v in item.attrs.items() if n in attributes}
    return kind.of(item, made)


def _copied(value: Any) -> Any:
    if value.type not in _PLAIN:
        return copy.deepcopy(value)
    made = value.__class__.__new__(value.__class__)
    made.type, made.value = value.type, value.value
    return made


@cache
def _kind() -> Any:
    """moto is imported when it is needed."""
    from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict

    whole: Any = Item

    class Projected(whole):  # type: ignore[misc]
        @classmethod
        def of(cls, item: Any, attributes: dict[str, Any]) -> Any:
            made = cls.__new__(cls)
            made.hash_key, made.range_key = item.hash_key, item.range_key
            # What was written is known to be small enough.
            made.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
            dict.update(made.attrs, attributes)
            return made

        def __deepcopy__(self, memo: Any) -> Any:
            return self

        def project(self, projection_expressions: list[list[str]]) -> Any:
            if any(len(path) != 1 for path in projection_expressions):
                return super().project(projection_expressions)
            wanted = {path[0] for path in projection_expressions}
            return self.of(self, {name: value for name, value in self.attrs.items() if name in wanted})

    return Projected
