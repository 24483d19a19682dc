"""Offsets of what is special in a block of CSV text, found for the whole block at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.lake.files.byte_places import places_of
from pipeline.lake.files.readers.csv_dialect import Dialect

Offsets = NDArray[np.int64]
Flags = NDArray[np.bool_]
_NEWLINE, _RETURN, _BACKSLASH = 10, 13, 92


class CsvText:
    """One block. What a backslash takes for itself is never special."""

    def __init__(self, data: bytes, dialect: Dialect) -> None:
        self.data = data
        self.dialect = dialect
        self.bytes = np.frombuffer(data, np.uint8)

    @cached_property
    def escaped(self) -> Flags | None:
        """Which bytes stand behind a backslash that is not itself behind one; None where no byte does.

        Where a backslash before CRLF takes both, both do.
        """
        if not (self.dialect.escape and b"\\" in self.data):
            return None
        slashes = np.flatnonzero(self.bytes == _BACKSLASH)
        place = np.arange(len(slashes))
        first = np.maximum.accumulate(np.where(np.diff(slashes, prepend=-2) > 1, place, 0))
        escaping = slashes[(place - first) % 2 == 0]
        found = np.zeros(len(self.bytes), dtype=bool)
        found[escaping[escaping < len(found) - 1] + 1] = True
        if self.dialect.pairs_lines and b"\\\r\n" in self.data:
            found[1:] |= found[:-1] & (self.bytes[:-1] == _RETURN) & (self.bytes[1:] == _NEWLINE)
        return found

    @cached_property
    def quotes(self) -> Offsets | None:
        """Offsets of quotes, None where there are none."""
        quote = self.dialect.quote
        return self._unescaped(places_of(self.bytes, quote[0])) if quote and quote in self.data else None

    @cached_property
    def newlines(self) -> Offsets:
        """Offsets of line feeds."""
        return self._unescaped(places_of(self.bytes, _NEWLINE))

    def lines(self, final: bool) -> tuple[Offsets, Offsets]:
        """Where each line stops and where the next one starts. With `final` what is left is a line too."""
        ends = self.newlines
        if b"\r" in self.data:
            returns = self._unescaped(places_of(self.bytes, _RETURN))
            last = len(self.data) - 1
            lone = (self.bytes[np.minimum(returns + 1, last)] != _NEWLINE) & (returns < last)
            # A carriage return that ends the data may be half of CRLF.
            lone |= final & (returns == last)
            ends = np.sort(np.concatenate((ends, returns[lone])))
        return self.closed(ends, final)

    def closed(self, ends: Offsets, final: bool) -> tuple[Offsets, Offsets]:
        """The same for lines, or records, that end with those line ends."""
        nexts = ends + 1
        returns = (self.bytes[ends] == _NEWLINE) & (ends > 0) & (self.bytes[ends - 1] == _RETURN)
        if self.escaped is not None:
            returns &= ~self.escaped[ends - 1]
        stops = ends - returns
        if final and (not len(nexts) or nexts[-1] < len(self.data)):
            stops, nexts = np.append(stops, len(self.data)), np.append(nexts, len(self.data))
        return stops, nexts

    def line_numbers(self, offsets: Offsets) -> Offsets:
        """How many line ends stand before each offset, also those within cells."""
        ends = places_of(self.bytes, _NEWLINE)
        if b"\r" in self.data:
            returns = places_of(self.bytes, _RETURN)
            lone = self.bytes[np.minimum(returns + 1, len(self.data) - 1)] != _NEWLINE
            ends = np.sort(np.concatenate((ends, returns[lone])))
        return np.searchsorted(ends, offsets)

    def are_placed(self, quotes: Offsets) -> bool:
        """Whether each quote opens where a cell begins or closes where it ends.

        A doubled quote inside a cell counts as closing and opening again.
        """
        opening, closing = quotes[0::2], quotes[1::2]
        before, after = opening[opening > 0] - 1, closing[closing < len(self.data) - 1] + 1
        allowed = self._around()
        allowed[_NEWLINE] = True
        if not allowed[self.bytes[before]].all() or (self.escaped is not None and self.escaped[before].any()):
            return False
        allowed[_RETURN] = True
        return bool(allowed[self.bytes[after]].all())

    def odd_lines(self, starts: Offsets, stops: Offsets) -> Flags:
        """Lines that are no record by themselves, or have a quote that is not around a whole cell."""
        if self.quotes is None or not len(starts):
            return np.zeros(len(starts), dtype=bool)
        lines = np.searchsorted(starts, self.quotes, side="right") - 1
        within = self.quotes < stops[lines]
        quotes, lines = self.quotes[within], lines[within]
        opening = (np.arange(len(quotes)) - np.searchsorted(lines, np.arange(len(starts)))[lines]) % 2 == 0
        allowed = self._around()
        before = allowed[self.bytes[quotes - 1]]
        if self.escaped is not None:
            before &= ~self.escaped[quotes - 1]
        before |= quotes == starts[lines]
        after = allowed[self.bytes[np.minimum(quotes + 1, len(self.data) - 1)]] | (quotes + 1 == stops[lines])
        counts = np.bincount(lines, minlength=len(starts))
        misplaced = np.bincount(lines[~np.where(opening, before, after)], minlength=len(starts))
        odd: Flags = (counts % 2 == 1) | (misplaced > 0)
        return odd

    def starting_with(self, prefix: bytes, starts: Offsets) -> Offsets:
        """Indexes of the lines that begin so."""
        likely = np.flatnonzero(self.bytes[np.minimum(starts, len(self.data) - 1)] == prefix[0])
        return likely[[self.data.startswith(prefix, start) for start in starts[likely].tolist()]]

    def _around(self) -> Flags:
        allowed = np.zeros(256, dtype=bool)
        allowed[[self.dialect.quote[0], self.dialect.delimiter[0]]] = True
        return allowed

    def _unescaped(self, offsets: Offsets) -> Offsets:
        return offsets if self.escaped is None else offsets[~self.escaped[offsets]]
