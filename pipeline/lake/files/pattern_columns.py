"""Columns of dates and timestamps written by a pattern, read byte by byte for all rows at once; see `patterns`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.lake.files.patterns import MONTHS, PIVOT, Part, parts_of
from pipeline.lake.files.text_bytes import Bytes, all_bytes, ends_of

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_DAY = 86_400_000_000
_MOST_LAYOUTS = 16
_YEARS = np.arange(10_000, dtype=np.int64)
_YEAR_START = (_YEARS - 1) * 365 + (_YEARS - 1) // 4 - (_YEARS - 1) // 100 + (_YEARS - 1) // 400 - 719_162
"""Days since 1970 at the start of a year, of the calendar that Python and Spark use for all times."""

_LEAP_ROW = 14 * ((_YEARS % 4 == 0) & ((_YEARS % 100 != 0) | (_YEARS % 400 == 0)))
_USUAL = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0]
_LAST_DAY = np.array([*_USUAL, *_USUAL[:2], 29, *_USUAL[3:]], dtype=np.int64)
"""By month, of usual years and of leap years; months 0 and 13, which are none, have no day."""

_MONTH_START = np.concatenate([np.cumsum(row) - row for row in _LAST_DAY.reshape(2, 14)])


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds since 1970 of each row, and whether they are known; `zoned` where the text says its offset."""

    micros: Numbers
    known: Mask
    zoned: bool


@dataclass(frozen=True, slots=True)
class _Slot:
    """A part of fixed width: `width` bytes from `start` on. `text` of a literal, or of the name of a month."""

    part: Part
    start: int
    width: int
    text: bytes = b""
    value: int = 0


def read_patterns(column: pa.Array, pattern: str) -> Times:
    """What a column of text says by `pattern`. Rows that are not known may be bad, or written in a rarer way."""
    count = len(column)
    micros, known = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool)
    zoned = any(part.letters[:1] == "X" for part in parts_of(pattern))
    data, starts, lengths = _text(column)
    open_rows = lengths > 0
    for layout in _layouts(pattern):
        width = layout[-1].start + layout[-1].width
        rows = np.flatnonzero(open_rows & (lengths == width))
        if not len(rows):
            continue
        cells = _cells(data, starts, rows, width)
        fits = np.ones(len(rows), dtype=bool)
        values, good = _read(cells, layout, fits)
        # A text that has the shape is not tried in another: the first shape that fits is what `patterns` takes too.
        open_rows[rows[fits]] = False
        micros[rows], known[rows] = np.where(good, values, micros[rows]), known[rows] | good
    return Times(micros, known, zoned)


def _text(column: pa.Array) -> tuple[Bytes, Numbers, Numbers]:
    """The bytes of a column of text, where each value starts and how long it is; a null is empty."""
    ends = ends_of(column).astype(np.int64)
    lengths = np.diff(ends)
    if column.null_count:
        lengths[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return all_bytes(column), ends[:-1], lengths


def _cells(data: Bytes, starts: Numbers, rows: Numbers, width: int) -> Bytes:
    """The bytes of rows of the same width, as a table with a row for each place: places are looked at one by one."""
    begin = starts[rows]
    if len(rows) and len(rows) == len(starts) and begin[-1] - begin[0] == (len(rows) - 1) * width:
        return np.ascontiguousarray(data[begin[0] : begin[0] + len(rows) * width].reshape(len(rows), width).T)
    return np.stack([data[begin + place] for place in range(width)])


@lru_cache(maxsize=256)
def _layouts(pattern: str) -> tuple[tuple[_Slot, ...], ...]:
    """The ways in which a pattern can be laid out with a fixed width for each part, in the order of preference."""
    ways = [list(_ways(part)) for part in parts_of(pattern)]
    found = []
    for layout in product(*ways):
        slots, start = [], 0
        for slot in layout:
            slots.append(_Slot(slot.part, start, slot.width, slot.text, slot.value))
            start += slot.width
        found.append(tuple(slots))
        if len(found) == _MOST_LAYOUTS:
            break
    return tuple(found)


def _ways(part: Part) -> Iterator[_Slot]:
    letters = part.letters
    if not letters:
        yield _Slot(part, 0, len(part.literal.encode()), part.literal.encode())
    elif letters in ("d", "M", "H", "h"):
        yield from (_Slot(part, 0, 2), _Slot(part, 0, 1))
    elif letters == "MMM":
        yield _Slot(part, 0, 3)
    elif letters == "MMMM":
        yield from (_Slot(part, 0, len(month), month.encode(), number) for number, month in enumerate(MONTHS, 1))
    elif letters == "a":
        yield _Slot(part, 0, 2)
    elif letters in ("X", "XXX"):
        yield from (_Slot(part, 0, 1), _Slot(part, 0, 6 if letters == "XXX" else 5))
    else:
        yield _Slot(part, 0, len(letters))


def _read(cells: Bytes, layout: tuple[_Slot, ...], fits: Mask) -> tuple[Numbers, Mask]:
    """The times of cells, and which of them are times; `fits` becomes which have the shape."""
    said: dict[str, Numbers] = {}
    for slot in layout:
        part = cells[slot.start : slot.start + slot.width]
        match slot.part.letters:
            case "":
                _literal(part, slot.text, fits)
            case "MMM":
                said["M"] = _month(part, fits)
            case "MMMM":
                _literal(part | np.uint8(0x20), slot.text, fits)
                said["M"] = np.full(part.shape[1], slot.value, dtype=np.int64)
            case "a":
                fits &= ((part[0] | 0x20 == ord("a")) | (part[0] | 0x20 == ord("p"))) & (part[1] | 0x20 == ord("m"))
                said["a"] = (part[0] | 0x20 == ord("p")).astype(np.int64)
            case "X" | "XXX":
                said["X"] = _offset(part, fits)
            case letters:
                value = _digits(part, fits)
                said["H" if letters[0] == "h" else letters[0]] = _meant(letters, value)
    return _time(said, fits.copy())


def _literal(part: Bytes, text: bytes, fits: Mask) -> None:
    for place, byte in enumerate(text):
        fits &= part[place] == byte


def _digits(part: Bytes, fits: Mask) -> Numbers:
    digits = part - np.uint8(48)
    fits &= (digits < 10).all(axis=0)
    value: Numbers = digits[0].astype(np.int64)
    for digit in digits[1:]:
        value *= 10
        value += digit
    return value


def _meant(letters: str, value: Numbers) -> Numbers:
    if letters == "yy":
        year: Numbers = value + np.where(value >= PIVOT, np.int64(1900), np.int64(2000))
        return year
    if letters[0] == "S":
        fraction: Numbers = value * np.int64(10 ** (6 - len(letters)))
        return fraction
    return value


def _month(part: Bytes, fits: Mask) -> Numbers:
    lower = (part | 0x20).astype(np.int64)
    code = (lower[0] << 16) | (lower[1] << 8) | lower[2]
    month = np.zeros(part.shape[1], dtype=np.int64)
    for number, name in enumerate(MONTHS, 1):
        month[code == int.from_bytes(name[:3].encode(), "big")] = number
    # The bit that makes a letter small makes letters of other signs, too.
    fits &= (month > 0) & (part >= 65).all(axis=0)
    return month


def _offset(part: Bytes, fits: Mask) -> Numbers:
    """Microseconds ahead of UTC."""
    if len(part) == 1:
        fits &= part[0] | 0x20 == ord("z")
        return np.zeros(part.shape[1], dtype=np.int64)
    fits &= (part[0] == ord("+")) | (part[0] == ord("-"))
    if len(part) == 6:
        fits &= part[3] == ord(":")
    hours, minutes = _digits(part[1:3], fits), _digits(part[-2:], fits)
    # The shape is right and the offset is not: such rows are for `patterns` to refuse.
    wrong = (hours > 23) | (minutes > 59)
    micros = (hours * 60 + minutes) * 60_000_000
    signed: Numbers = np.where(wrong, _WRONG, np.where(part[0] == ord("-"), -micros, micros))
    return signed


_WRONG = 10**15


def _time(said: dict[str, Numbers], good: Mask) -> tuple[Numbers, Mask]:
    year, month, day = said["y"], said["M"], said["d"]
    # What is no digit makes numbers of any size.
    year = np.minimum(year, 9999)
    place = np.minimum(month, 13) + _LEAP_ROW[year]
    good &= (year >= 1) & (day >= 1) & (day <= _LAST_DAY[place])
    micros = (_YEAR_START[year] + _MONTH_START[place] + day - 1) * _DAY
    hour = said.get("H")
    if hour is not None and "a" in said:
        good &= (hour >= 1) & (hour <= 12)
        hour = hour % 12 + 12 * said["a"]
    for value, most, unit in (
        (hour, 23, 3_600_000_000),
        (said.get("m"), 59, 60_000_000),
        (said.get("s"), 59, 1_000_000),
        (said.get("S"), 999_999, 1),
    ):
        if value is not None:
            good &= value <= most
            micros = micros + value * unit
    if "X" in said:
        good &= said["X"] != _WRONG
        micros = micros - said["X"]
    return micros, good
