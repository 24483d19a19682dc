"""Numbers as people write them, brought to plain ones: groups of digits, decimal commas, signs of currency, brackets.

A plain numeral has ASCII digits, a sign, a point and an exponent at most. `plain_number` is the authority for one
value; `plain_numbers` does the same to a column at once.
"""

from __future__ import annotations

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.files.forms import Form
from pipeline.lake.files.text_bytes import content

BLANKS = " \t\u00a0\u2007\u2009\u202f"
"""Space, tab, and the no-break, figure, thin and narrow no-break space."""

NOT_ONE = "?"
"""What `plain_numbers` has for a text that is no number."""

_APOSTROPHES = "'\u2019"


def is_plain(form: Form) -> bool:
    """Whether numbers are written the plain way only."""
    return not (form.decimal != "." or form.thousands or form.currency or form.percent or form.negative_brackets)


def plain_number(text: str, form: Form) -> str:
    """The plain numeral of a number written in `form`; ValueError where it is none.

    Spaces around it do not matter. Groups have three digits, all but the first, and not beside an exponent; a first
    group that begins with 0 is none, since 0.123 is more likely a fraction than 123. Of signs of currency one may
    stand before or after the number.
    """
    text = text.strip(BLANKS)
    if is_plain(form) or NOT_FINITE.fullmatch(text):
        return text
    if not _numeral(form).fullmatch(text):
        raise ValueError(_why(form))
    for sign, other in _removals(form):
        text = text.replace(sign, other)
    return text


def plain_numbers(column: pa.Array, form: Form) -> pa.Array:
    """The plain numerals of a column of text, and `NOT_ONE` where a text is none, or may be."""
    if is_plain(form):
        return column
    data = content(column).tobytes()
    ascii_only = data.isascii()
    signs = [(sign, other) for sign, other in _removals(form) if sign.isascii() or not ascii_only]
    removals = [(sign, other) for sign, other in signs if sign.encode() in data]
    if not removals and (form.decimal == "." or b"." not in data):
        return column
    if [sign for sign, _ in removals] == [form.decimal] and (form.decimal == "." or b"." not in data):
        return _with_points(column, form.decimal)
    fits = pc.match_substring_regex(column, f"^[{BLANKS}]*(?:{_numeral(form).pattern})[{BLANKS}]*$")
    for sign, other in removals:
        column = _with_points(column, sign) if sign == form.decimal else pc.replace_substring(column, sign, other)
    return column if pc.all(fits).as_py() is not False else pc.if_else(fits, column, NOT_ONE)


def _with_points(column: pa.Array, decimal: str) -> pa.Array:
    """A point for each decimal sign, byte for byte."""
    validity, offsets, data = column.buffers()
    points = pa.py_buffer(bytes(memoryview(data)).translate(bytes.maketrans(decimal.encode(), b".")))
    buffers = [validity, offsets, points]
    return pa.Array.from_buffers(column.type, len(column), buffers, column.null_count, column.offset)


def _same(sign: str) -> str:
    """What counts as a sign of groups: each space as any other, and each apostrophe."""
    return next((group for group in (BLANKS, _APOSTROPHES) if sign and sign in group), sign)


def _removals(form: Form) -> list[tuple[str, str]]:
    """What is replaced in a number that fits `_numeral`, and by what, in order."""
    gone = [*sorted(form.currency, key=len, reverse=True), *("%" * form.percent), *BLANKS, *_same(form.thousands)]
    brackets = [("(", "-"), (")", "")] if form.negative_brackets else []
    point = [(form.decimal, ".")] if form.decimal != "." else []
    return [*((sign, "") for sign in dict.fromkeys(gone)), *brackets, *point]


NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


@lru_cache(maxsize=256)
def _numeral(form: Form) -> re.Pattern[str]:
    """Numbers of a form, for Python and RE2 alike."""
    point, blanks, exponent = re.escape(form.decimal), f"[{BLANKS}]*", "(?:[eE][+-]?[0-9]+)?"
    whole = rf"[0-9]+(?:{point}[0-9]*)?{exponent}"
    if form.thousands:
        group = f"[{re.escape(_same(form.thousands))}]"
        whole = rf"(?:{whole}|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+(?:{point}[0-9]*)?)"
    number = rf"(?:{whole}|{point}[0-9]+{exponent})"
    percent = f"(?:{blanks}%)?" if form.percent else ""
    sign = "[+-]?"
    unsigned, ways = number, [f"{sign}{number}{percent}"]
    if form.currency:
        signs = "|".join(map(re.escape, sorted(form.currency, key=len, reverse=True)))
        before, after = f"(?:{signs}){blanks}", f"{blanks}(?:{signs})"
        # A point right after a sign of currency is more likely the sign's (Fr.5) than the number's.
        ways += [
            f"{sign}{before}{whole}{percent}",
            f"{before}{sign}{whole}{percent}",
            f"{sign}{number}{after}{percent}",
        ]
        unsigned = f"(?:{number}|{before}{whole}|{number}{after})"
    if form.negative_brackets:
        inner = rf"\({blanks}{unsigned}{percent}{blanks}\){percent}"
        ways.append(inner)
        if form.currency:
            ways += [rf"{before}\({blanks}{whole}{blanks}\)", rf"\({blanks}{number}{blanks}\){after}"]
    return re.compile("|".join(ways))


def _why(form: Form) -> str:
    said = [f"decimal: {form.decimal!r}"]
    if form.thousands:
        said.append(f"thousands: {form.thousands!r}")
    return f"it is not a number as the dataset says that they are written ({', '.join(said)})"
