"""How a CSV file is written, in bytes: what separates, quotes, escapes and comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv

from pipeline.lake.datasets import StageA

_STAND_INS = ("\x1f", "\x1e")
"""Control characters that stand for a delimiter and a quote that are not ASCII while a file is read."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`delimiter` is one byte, `quote` one or none; `escape` says whether a backslash takes their meaning away.

    `pairs_lines` is whether a backslash before CRLF takes both: in a file whose lines end so, it is one line end.
    """

    delimiter: bytes = b","
    quote: bytes = b'"'
    escape: bool = False
    comment: bytes = b""
    pairs_lines: bool = True

    def parse_options(self, **more: Any) -> pa.csv.ParseOptions:
        """What tells pyarrow the same."""
        return pa.csv.ParseOptions(
            delimiter=self.delimiter.decode(),
            quote_char=self.quote.decode() or False,
            escape_char="\\" if self.escape else False,
            newlines_in_values=True,
            **more,
        )


class Swap:
    """Exchanges signs that are not ASCII with their stand-ins, each for the other, so that nothing is lost."""

    def __init__(self, pairs: dict[str, str]) -> None:
        self._pairs = [(sign.encode(), stand_in.encode()) for sign, stand_in in pairs.items()]
        both = {**pairs, **{stand_in: sign for sign, stand_in in pairs.items()}}
        self._table = str.maketrans(both)
        self._longest = max(len(sign) for sign, _ in self._pairs)

    def swap(self, data: bytes) -> bytes:
        """The same text with the signs exchanged; done twice, it is as before."""
        if any(stand_in in data for _, stand_in in self._pairs):
            return data.decode(errors="surrogateescape").translate(self._table).encode(errors="surrogateescape")
        for sign, stand_in in self._pairs:
            data = data.replace(sign, stand_in)
        return data

    def swap_column(self, column: pa.Array) -> pa.Array:
        """Every value of a column of text, likewise."""
        swapped = (None if text is None else text.translate(self._table) for text in column.to_pylist())
        return pa.array(swapped, pa.string())

    def whole(self, data: bytes) -> int:
        """How much of the data does not end within a sign."""
        for length in range(min(self._longest - 1, len(data)), 0, -1):
            tail = data[-length:]
            if any(len(sign) > length and sign.startswith(tail) for sign, _ in self._pairs):
                return len(data) - length
        return len(data)


def dialect_of(settings: StageA) -> tuple[Dialect, Swap | None]:
    """The dialect that a dataset says, and what to exchange first for it to hold."""
    quote = "" if settings.quote == "none" else settings.quote
    pairs = {
        sign: stand_in
        for sign, stand_in in zip((settings.delimiter, quote), _STAND_INS, strict=True)
        if not sign.isascii()
    }
    dialect = Dialect(
        pairs.get(settings.delimiter, settings.delimiter).encode(),
        pairs.get(quote, quote).encode(),
        settings.escape == "backslash",
        (settings.comment or "").encode(),
    )
    return dialect, Swap(pairs) if pairs else None
