"""PyIceberg 0.12 reads a null list of structs as an empty list, and a null map to structs as an empty map: it rebuilds
both from their offsets and forgets which were null. Here they are put back, for whoever reads through this process."""

from __future__ import annotations

from functools import cache, wraps
from typing import Any


@cache
def keep_nested_nulls() -> None:
    """Mend the projection of PyIceberg's reader, once a process."""
    from pyiceberg.io.pyarrow import ArrowProjectionVisitor

    for name in ("list", "map"):
        setattr(ArrowProjectionVisitor, name, _with_nulls(getattr(ArrowProjectionVisitor, name)))


def _with_nulls(project: Any) -> Any:
    @wraps(project)
    def projected(self: Any, kind: Any, source: Any, *parts: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        found = project(self, kind, source, *parts)
        if found is None or source.null_count == found.null_count:
            return found
        # The cast brings back the field ids, which PyIceberg keeps in the types' metadata.
        return pc.if_else(source.is_valid(), found, pa.scalar(None, found.type)).cast(found.type)

    return projected
