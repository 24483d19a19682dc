"""Columns of dates and timestamps, as `values` reads each: by pattern, as ISO 8601, as epochs, in a time zone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.lake.datasets.arrow import arrow_type
from pipeline.lake.datasets.raw_files import EPOCHS
from pipeline.lake.datasets.types import Primitive
from pipeline.lake.files.forms import Form
from pipeline.lake.files.numerals import plain_numbers
from pipeline.lake.files.pattern_columns import Numbers, read_patterns
from pipeline.lake.files.zones import to_utc_all

Mask = NDArray[np.bool_]

DAY = 86_400_000_000
FIRST_DAY, LAST_DAY = -719162, 2932896
"""Days since 1970 of the years 1 to 9999: Arrow knows a year 0, and zones move times; Python and Spark stop there."""

_EPOCH_NUMBER = "^[ \\t]*-?(?:0|[1-9][0-9]{0,17})[ \\t]*$"
_ISO = {
    Primitive.DATE: ("yyyy-MM-dd",),
    Primitive.TIMESTAMP: tuple(
        f"yyyy-MM-dd{between}HH:mm:ss{fraction}{zone}"
        for between in (" ", "'T'")
        for fraction in ("", ".SSS", ".SSSSSS")
        for zone in ("", "XXX")
    ),
}


def is_moment(to: object) -> bool:
    """Whether a type is a date or a timestamp."""
    return to is Primitive.DATE or to is Primitive.TIMESTAMP


def read_moments(column: pa.Array, to: Primitive, form: Form) -> tuple[pa.Array, Mask]:
    """The values of a column of text, and which rows are known; the others may be bad, or written in a rarer way."""
    if form.pattern in EPOCHS:
        micros, known = _read_epochs(column, form)
    else:
        zone = form.timezone if to is Primitive.TIMESTAMP else "UTC"
        micros, known = _read_patterns(column, (form.pattern,) if form.pattern else _ISO[to], zone)
    known &= (micros >= FIRST_DAY * DAY) & (micros < (LAST_DAY + 1) * DAY)
    empty = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else np.zeros(len(column), dtype=bool)
    if to is Primitive.DATE:
        values = pa.array((micros // DAY).astype(np.int32), mask=~known)
    else:
        values = pa.array(micros, mask=~known)
    return values.cast(arrow_type(to)), known | empty


def from_epochs(numbers: pa.Array, unit: int) -> tuple[Numbers, Mask]:
    """Microseconds of a column of integers that count `unit` microseconds, and which are known."""
    counts = numbers.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    fits = np.abs(counts) <= (LAST_DAY + 1) * (DAY // unit)
    return np.where(fits, counts, 0) * unit, fits & numbers.is_valid().to_numpy(zero_copy_only=False)


def _read_epochs(column: pa.Array, form: Form) -> tuple[Numbers, Mask]:
    plain = plain_numbers(column, form)
    fits = pc.match_substring_regex(plain, _EPOCH_NUMBER)
    return from_epochs(pc.if_else(fits, plain, None).cast(pa.int64()), EPOCHS[form.pattern])


def _read_patterns(column: pa.Array, patterns: tuple[str, ...], zone: str) -> tuple[Numbers, Mask]:
    micros, known = np.zeros(len(column), dtype=np.int64), np.zeros(len(column), dtype=bool)
    rest = np.arange(len(column))
    for pattern in patterns:
        times = read_patterns(column.take(pa.array(rest)) if len(rest) < len(column) else column, pattern)
        found = times.known
        local = times.micros
        if not times.zoned:
            local, certain = to_utc_all(local, zone) if found.any() else (local, found)
            found = found & certain
        micros[rest], known[rest] = np.where(found, local, 0), found
        rest = rest[~found]
        if not len(rest):
            break
    return micros, known
