"""What a netCDF file has, whichever format it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Attributes = Mapping[str, Any]
"""Text as str, numbers as int, float or a tuple of them."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where in the file a part of a variable is. `mask` has a bit for each filter that was not used on it."""

    offset: int
    size: int
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Storage:
    """How a variable's values lie in the file.

    `dtype` is NumPy's (`<f4`); `chunk_shape` that of each chunk, the last ones padded; `filters` are (id, parameters)
    in the order in which they were used when it was written; `chunks` are by their place in the grid of chunks. One
    that is not there was never written.
    """

    dtype: str
    chunk_shape: tuple[int, ...]
    filters: tuple[tuple[int, tuple[int, ...]], ...]
    chunks: Mapping[tuple[int, ...], Chunk]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable; `values` and `storage` read when they are called."""

    name: str
    shape: tuple[int, ...]
    attributes: Attributes
    values: Callable[[], Any] = field(repr=False, compare=False)
    """All of its values, as a NumPy array."""
    dimensions: Callable[[], tuple[str, ...]] = field(repr=False, compare=False)
    storage: Callable[[], Storage] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class NetcdfFile:
    """A file's variables by name, without those in groups, and its own attributes."""

    variables: Mapping[str, Variable]
    attributes: Attributes


def plain(value: Any) -> Any:
    """An attribute's value as text, a number or a tuple."""
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("utf-8", "replace")
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        parts = tuple(plain(each) for each in value)
        return parts[0] if len(parts) == 1 else parts
    return value
