"""Values written the plain way, which a `Form` does not change: numerals, ISO 8601, epochs. `values` asks here."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal as Number
from decimal import localcontext

from pipeline.lake.datasets.types import Decimal, Primitive
from pipeline.lake.files.forms import Form
from pipeline.lake.files.numerals import NOT_FINITE
from pipeline.lake.files.patterns import read_offset

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]", re.ASCII)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR_YEAR = re.compile(r"(-[0-9]{4,}|[+]?[0-9]{5,}|0000)-[0-9]{2}-[0-9]{2}(?![0-9])")
OUT_OF_YEARS = "it lies outside the years 1 to 9999"
OUT_OF_RANGE = "in UTC it lies outside the years 1 to 9999"
_EPOCH_DIGITS = 20
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ Tt]([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]+))?)?)?"
    r" ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_MAX_DIGITS = 400
"""No number of any type needs more characters; Python's own conversion of longer ones is slow."""


def _integer(bits: int) -> Callable[[str, Form], int]:
    def read(text: str, form: Form) -> int:
        if len(text) > _MAX_DIGITS or not _INTEGER.fullmatch(text):
            raise ValueError("it is not an integer")
        value = int(text)
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise ValueError(f"it does not fit in {bits} bits")
        _check_zeros(text, form)
        return value

    return read


def _check_zeros(text: str, form: Form) -> None:
    if not form.leading_zeros and _LEADING_ZERO.match(text):
        raise ValueError(
            "it begins with 0, which an integer loses (type: string keeps it; leading_zeros: true says that it means "
            "nothing)"
        )


def _single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _floating(nearest: Callable[[float], float]) -> Callable[[str, Form], float]:
    def read(text: str, form: Form) -> float:
        if NOT_FINITE.fullmatch(text):
            raise ValueError("it is no finite number (null_values can name such words)")
        if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
            raise ValueError("it is not a number")
        try:
            value = nearest(float(text))
        except OverflowError:
            value = math.inf
        if math.isinf(value):
            raise ValueError("it is too large")
        if _INTEGER.fullmatch(text) and int(text) != int(value):
            raise ValueError("the type holds no such integer")
        return value

    return read


def read_decimal(text: str, to: Decimal, form: Form) -> Number:
    """A plain numeral as a decimal of that precision and scale, digit for digit."""
    if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
        raise ValueError("it is not a number")
    value = Number(text)
    if value and not -_MAX_DIGITS < value.adjusted() < _MAX_DIGITS:
        raise ValueError(f"it does not fit in {to}")
    with localcontext(prec=2 * _MAX_DIGITS):
        fitted = value.quantize(Number(1).scaleb(-to.scale))
    if fitted != value:
        raise ValueError(f"it has more than {to.scale} digits after the point")
    if fitted and fitted.adjusted() + to.scale >= to.precision:
        raise ValueError(f"it has more than {to.precision - to.scale} digits before the point")
    if not to.scale:
        _check_zeros(text, form)
    return fitted


def read_iso_date(text: str) -> date:
    """A day of ISO 8601."""
    found = _DATE.fullmatch(text)
    if not found or found[1] == "0000":
        raise ValueError(_far(text) or "it is not of the form YYYY-MM-DD (format can say another)")
    return date(*map(int, found.groups()))


def read_epoch(text: str, unit: int) -> datetime:
    """An instant by its distance from 1970 in UTC, in units of so many microseconds."""
    if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
        raise ValueError("it is not a number")
    value = Number(text)
    if value and value.adjusted() > _EPOCH_DIGITS:
        raise ValueError(OUT_OF_RANGE)
    with localcontext(prec=2 * _MAX_DIGITS):
        micros = value * unit
    if micros != micros.to_integral_value():
        raise ValueError("it is finer than microseconds")
    try:
        return _EPOCH + timedelta(microseconds=int(micros))
    except OverflowError:
        raise ValueError(OUT_OF_RANGE) from None


def read_iso_timestamp(text: str) -> tuple[datetime, timezone | None]:
    """A time of ISO 8601, and its offset from UTC if it says one."""
    found = _TIMESTAMP.fullmatch(text)
    if not found or found[1] == "0000":
        raise ValueError(
            _far(text)
            or "it is not of the form YYYY-MM-DDTHH:MM:SS, with fraction and zone if need be (format can say another)"
        )
    *parts, fraction, zone = found.groups()
    fraction = fraction or ""
    if fraction[6:].strip("0"):
        raise ValueError("it is finer than microseconds")
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    local = datetime(year, month, day, hour, minute, second, int(fraction[:6].ljust(6, "0")))
    return local, read_offset(zone)


def _far(text: str) -> str:
    """What is wrong with a day of ISO 8601 whose year has more digits than four, or is before the first."""
    return OUT_OF_YEARS if _FAR_YEAR.match(text) else ""


NUMBERS: dict[Primitive, Callable[[str, Form], int | float]] = {
    Primitive.INT: _integer(32),
    Primitive.BIGINT: _integer(64),
    Primitive.FLOAT: _floating(_single),
    Primitive.DOUBLE: _floating(float),
}
"""What reads a plain numeral."""
