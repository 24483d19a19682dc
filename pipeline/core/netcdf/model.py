"""What a netCDF file has, whichever format it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Protocol


class ReadableFile(Protocol):
    """A file of `size` bytes that is read by ranges; it can seek and be read as one of Python's, too."""

    size: int

    def range(self, start: int, length: int, /) -> bytes:
        """Bytes of it; `BadObject` if it ends before."""


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

    @property
    def chunk_bytes(self) -> int:
        """How many bytes a chunk has once its filters are undone."""
        return prod(self.chunk_shape) * int(self.dtype[2:])


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
    part: Callable[[tuple[slice, ...]], Any] = field(repr=False, compare=False)
    """Some of its values, from one index to another along each dimension."""
    dtype: Any
    """NumPy's type of the values; `object` for text of any length."""
    typed: Attributes = field(repr=False, compare=False)
    """Attributes that are numbers, as NumPy arrays of the type that they have in the file."""
    filled: bool = True
    """Whether values that were never written are the fill value of their type."""


@dataclass(frozen=True, slots=True)
class NetcdfFile:
    """A file's variables by name, without those in groups, and its own attributes.

    `unread` says of variables whose values are of a type that is not read what they are; they are no `variables`.
    """

    variables: Mapping[str, Variable]
    attributes: Attributes
    groups: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    def left_out(self) -> str:
        """What of the file is not read, for an error that misses something; empty if it is all read."""
        parts = [f"the variable {name}, of {what}" for name, what in list(self.unread.items())[:5]]
        parts += [f"the group {name}" for name in self.groups[:5]]
        return f"; not read are {'; '.join(parts)}" if parts else ""


def numbers_in(value: Any) -> Any | None:
    """An attribute's numbers as a NumPy array of their own type; None for what is none."""
    import numpy as np

    found = np.asarray(value)
    return found if found.dtype.kind in "iuf" else None


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
