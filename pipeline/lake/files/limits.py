"""How much one conversion may take. The defaults suit a Lambda of 512 MB and up; tests make blocks tiny."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes unless the name says otherwise. Memory follows them, not the size of the file."""

    block: int = 2 * MIB
    """What is read and parsed at once."""

    first_sample: int = MIB
    """The first JSON block, which Python reads to learn the schema; later blocks only where it does not fit."""

    record: int = 32 * MIB
    """The longest row: beyond it a quote or bracket is missing rather than a value long."""

    row_group: int = 24 * MIB
    """The Arrow size at which rows become a row group of the Parquet file."""

    columns: int = 2000
    """The most columns of a file, and the most fields of a nested object before it is kept as JSON text."""

    depth: int = 16
    """How deep nested JSON becomes structs and lists; what is deeper is kept as JSON text."""

    expansion: int = 200
    """How many times its compressed size a file may grow to, once it is past `expansion_floor`."""

    expansion_floor: int = 256 * MIB

    workers: int = 2
    """Threads that parse, beside the one that reads and the one that writes."""
