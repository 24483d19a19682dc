"""What a table or an index holds of an item: made and measured once for each write of it, and handed out by itself.

moto copies each item whole, however long its lists are, before it leaves away what is not in the index or not asked
for, and unpacks it whole for each attribute that is; and it ends a page of an index by the size of what it left away.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def attributes_of(index: Any) -> frozenset[str] | None:
    """The attributes that moto's `index` of a table holds; None if it is all of them."""
    projection = index.projection or {}
    if projection.get("ProjectionType") not in ("KEYS_ONLY", "INCLUDE"):
        return None
    keys = (*index.table_key_attrs, *(key["AttributeName"] for key in index.schema))
    return frozenset((*keys, *projection.get("NonKeyAttributes", ())))


def projected(item: Any, attributes: frozenset[str] | None) -> Any:
    """moto's `item` with no more than `attributes`, or with all. They are those of the item itself, which is never
    changed where it lies (see `patches/updates.py`); so this is kept with it, and a copy of it, which may be changed,
    begins without."""
    kept = vars(item).setdefault("projections", {})
    found = kept.get(attributes)
    if found is None:
        attrs = item.attrs
        held = attrs if attributes is None else {name: attrs[name] for name in attributes if name in attrs}
        found = kept[attributes] = _kind().of(item, held)
    return found


@cache
def _kind() -> Any:
    """moto is imported when it is needed."""
    from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict

    whole: Any = Item

    class Projected(whole):  # type: ignore[misc]
        measured: int

        @classmethod
        def of(cls, item: Any, attributes: dict[str, Any]) -> Any:
            made = cls.__new__(cls)
            made.hash_key, made.range_key = item.hash_key, item.range_key
            # What was written is known to be small enough.
            made.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
            dict.update(made.attrs, attributes)
            made.measured = 0
            return made

        def size(self) -> int:
            if not self.measured:
                self.measured = int(super().size())
            return self.measured

        def __deepcopy__(self, memo: Any) -> Any:
            return self

        def project(self, projection_expressions: list[list[str]]) -> Any:
            if any(len(path) != 1 or "[" in path[0] for path in projection_expressions):
                return super().project(projection_expressions)
            wanted = {path[0] for path in projection_expressions}
            if self.attrs.keys() <= wanted:
                # What is handed out is read and never changed.
                return self
            return self.of(self, {name: self.attrs[name] for name in wanted if name in self.attrs})

    return Projected
