"""Which type holds the numbers of a column and loses nothing of them. Pure.

Versions (1.9, 1.10), lots (12E3), numbers with leading zeros and ids too long for a bigint are text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal as Exact

from pipeline.lake.datasets.types import MAX_PRECISION, Decimal, Primitive, Type
from pipeline.lake.proposals.dates import doubt_of_days

_PLAIN = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]+", re.ASCII)
_LOT = re.compile(r"[0-9]+[eE][0-9]+", re.ASCII)
_CUT = re.compile(r"[+-]?[0-9](\.[0-9]{1,5})?E\+1[1-9]", re.ASCII)
"""How spreadsheets show and save whole numbers of more digits than a cell is wide."""
_CODE_NAME = re.compile(
    r"(^|_)(zip|zipcode|postcode|postal|postal_code|plz|phone|tel|telefon|fax|mobile|code|ean|gtin|isbn|iban|bic|account|"
    r"konto|kontonummer|ssn|vat|tax_id|sku|barcode|serial|lot|batch|imei|card)($|_)"
)
_VERSION_NAME = re.compile(r"(^|_)(version|ver|release|rev|revision|section|chapter|kapitel|model|firmware|build)($|_)")
_QUANTITY_NAME = re.compile(
    r"(^|_)(amount|betrag|price|preis|cost|kosten|total|sum|summe|net|netto|gross|brutto|rate|weight|gewicht|"
    r"quantity|qty|menge|balance|saldo|fee|tax|temp|temperature|lat|lon|latitude|longitude|score|percent|pct|height|width|"
    r"length|distance|speed|depth|size|revenue|umsatz|discount|rabatt|salary|usd|eur|gbp)($|_)"
)
_ID_NAME = re.compile(r"(^|_)(id|ids|key|nr|no|number|nummer|code)$")
_FLAG = frozenset({"0", "1"})
MAX_MONEY = 18
"""Digits of a decimal that counts money."""
_MONEY_SCALE = 4
_EPOCHS = (
    ("epoch_seconds", "seconds", 946_684_800, 4_102_444_800),
    ("epoch_milliseconds", "milliseconds", 946_684_800_000, 4_102_444_800_000),
    ("epoch_microseconds", "microseconds", 946_684_800_000_000, 4_102_444_800_000_000),
)
"""Whole numbers that lie within the years 2000 to 2100 as times since 1970."""
_TIME_NAME = re.compile(
    r"(^|_)(ts|time|timestamp|at|date|epoch|created|updated|modified|when|datetime|zeit|unix|ms|millis)($|_)|time$"
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A type and what is to be doubted about it."""

    type: Type
    doubt: str = ""


def type_of_numbers(texts: Sequence[str], name: str = "", *, text: bool = True) -> Typed:
    """The type of numbers written with a point. `text`: the file has no types, and codes look like numbers."""
    if any(not _PLAIN.fullmatch(each) or len(each) > 2 * MAX_PRECISION for each in texts):
        return Typed(Primitive.STRING, "numbers that are too long for any type: text")
    if text and (kept := _kept_as_text(texts, name)):
        return Typed(Primitive.STRING, kept)
    if all(map(_INTEGER.fullmatch, texts)):
        return _integers([int(each) for each in texts], texts, name, text)
    numbers = [Exact(each) for each in texts]
    scales = [-int(number.as_tuple().exponent) for number in numbers]
    if _is_money(texts, numbers, scales, name):
        return Typed(Decimal(MAX_MONEY, scales[0]))
    if not all(map(_survives_double, numbers)):
        return _exact(numbers, scales)
    if text and _has_trailing_zeros(texts) and max(scales) <= _MONEY_SCALE:
        return Typed(Decimal(MAX_MONEY, max(scales)), "not all values have as many digits after the point")
    cut = next((each for each in texts if _CUT.fullmatch(each)), "") if text else ""
    doubt = (
        f"{cut!r} is how spreadsheets write long whole numbers: their last digits are lost in this file" if cut else ""
    )
    return Typed(Primitive.DOUBLE, doubt)


def is_code(name: str) -> bool:
    """Whether digits under this name name something, and count nothing: a later one may begin with a zero."""
    return bool(_CODE_NAME.search(name))


def has_leading_zeros(texts: Sequence[str]) -> bool:
    """Whether a column of digits has one with a zero in front."""
    return all(map(_INTEGER.fullmatch, texts)) and any(map(_LEADING_ZERO.fullmatch, texts))


def are_versions(texts: Sequence[str], name: str = "") -> bool:
    """Whether numbers with a point are versions or sections: 1.9 and 1.10 are different from 1.9 and 1.1."""
    pointed = [each for each in texts if "." in each]
    if not pointed:
        return False
    if _VERSION_NAME.search(name):
        return True
    return not _QUANTITY_NAME.search(name) and _has_trailing_zeros(texts) and all(len(each) <= 8 for each in texts)


def _has_trailing_zeros(texts: Sequence[str]) -> bool:
    """Whether some were written with a zero at the end that others lack. 1.0 is how programs write a whole number."""
    fractions = [each.partition(".")[2] for each in texts if "." in each]
    zeros = any(fraction.endswith("0") and len(fraction) > 1 for fraction in fractions)
    return zeros and len({len(fraction) for fraction in fractions}) > 1


def _kept_as_text(texts: Sequence[str], name: str) -> str:
    if has_leading_zeros(texts):
        return "a string, so that leading zeros stay"
    if is_code(name):
        return "digits that name something: a string, so that a later leading zero stays"
    if are_versions(texts, name):
        return "looks like versions or sections: a string, so that 1.10 does not become 1.1"
    exponents = [each for each in texts if "e" in each.lower()]
    if exponents and all(map(_LOT.fullmatch, exponents)) and not any("." in each for each in texts):
        return f"{exponents[0]!r} may be a code as well as a number: a string, until you say double"
    if any(each.startswith("+") and len(each) > 7 for each in texts):
        return "looks like telephone numbers: a string"
    return ""


def _integers(numbers: Sequence[int], texts: Sequence[str], name: str, text: bool) -> Typed:
    if not all(-(2**63) <= number < 2**63 for number in numbers):
        alike = len(texts) > 1 and len({len(each) for each in texts}) == 1
        if text and (_ID_NAME.search(name) or alike):
            return Typed(Primitive.STRING, "longer than a bigint holds: a string")
        if all(abs(number) < 10**MAX_PRECISION for number in numbers):
            return Typed(Decimal(MAX_PRECISION, 0), "longer than a bigint holds")
        return Typed(Primitive.STRING, "longer than any number type holds: a string")
    return Typed(Primitive.BIGINT, _doubt_of_integers(numbers, texts, name) if text else "")


def _doubt_of_integers(numbers: Sequence[int], texts: Sequence[str], name: str) -> str:
    for form, unit, least, most in _EPOCHS:
        if all(least <= number <= most for number in numbers) and (least > 10**9 or _TIME_NAME.search(name)):
            return f"looks like epoch {unit}: for times say type: timestamp, format: {form}"
    if {str(number) for number in numbers} <= _FLAG and len(set(numbers)) == 2:
        return "0 and 1 may be a flag: for true and false say type: boolean, true_values: ['1'], false_values: ['0']"
    if doubt := doubt_of_days(numbers, name):
        return doubt
    lengths = {len(each) for each in texts}
    if len(texts) > 1 and len(lengths) == 1 and lengths.pop() >= 5 and _ID_NAME.search(name):
        return f"always {len(texts[0])} digits: if one may begin with 0, make it a string"
    return ""


def _is_money(texts: Sequence[str], numbers: Sequence[Exact], scales: Sequence[int], name: str) -> bool:
    """Every value has as many digits after the point, and few: somebody counts in cents."""
    shows = len(texts) > 1 or texts[0].endswith("0") or bool(_QUANTITY_NAME.search(name))
    same = shows and len(set(scales)) == 1 and 2 <= scales[0] <= _MONEY_SCALE
    short = all(number.adjusted() + 1 + scales[0] <= MAX_MONEY for number in numbers)
    return same and short and not any("e" in each.lower() for each in texts)


def _survives_double(number: Exact) -> bool:
    value = float(number)
    if value in (float("inf"), float("-inf")):
        return False
    if number == number.to_integral_value():
        return abs(number) <= 2**53
    return Exact(repr(value)) == number


def _exact(numbers: Sequence[Exact], scales: Sequence[int]) -> Typed:
    scale = max(0, *scales)
    whole = max(number.adjusted() + 1 for number in numbers)
    if scale > MAX_PRECISION or max(whole, 1) + scale > MAX_PRECISION:
        return Typed(Primitive.STRING, "has more digits than any number type holds: a string")
    return Typed(Decimal(MAX_PRECISION, scale), "has more digits than a double holds")
