"""What a text means in a column type: the authority, one value at a time.

`casts` does the same to whole columns where that is known to agree, and asks here wherever it might not.
What a `Form` does not say otherwise: numbers have ASCII digits, spaces around them do not matter, no group separators.
Integers have no point and do not begin with zeros. A decimal keeps every digit or is refused. A double or float is the
nearest one, as everywhere, except that an integer it cannot hold exactly is refused, and so is what is not finite.
Booleans are true and false in any case. Dates are ISO 8601. Timestamps are ISO 8601, in microseconds; without a zone
they are in the form's.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pipeline.lake.datasets.names import field_name
from pipeline.lake.datasets.raw_files import EPOCHS
from pipeline.lake.datasets.types import Array, Decimal, Map, Primitive, Struct, Type
from pipeline.lake.files.forms import PLAIN, Form
from pipeline.lake.files.numerals import BLANKS, plain_number
from pipeline.lake.files.patterns import read_date, read_pattern
from pipeline.lake.files.plain_values import (
    NUMBERS,
    OUT_OF_RANGE,
    read_decimal,
    read_epoch,
    read_iso_date,
    read_iso_timestamp,
)
from pipeline.lake.files.strict_json import JsonNumber, load_json
from pipeline.lake.files.zones import to_utc

SHOWN = 60
"""Characters of a bad value that its row's reason quotes."""

_TRUE, _FALSE = frozenset({"true"}), frozenset({"false"})


def shown(text: str) -> str:
    """A value as the reason quotes it that is kept with its row."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def read_text(text: str, to: Type, form: Form = PLAIN) -> object:
    """The Python value of `text`, written in `form`, in a column of type `to`; None is null.

    In a column that is not of text, nothing at all is null, and so are the null words; spaces around a value do not
    matter. ValueError says why it has none, and quotes nothing of it. A nested type is read from JSON text.
    """
    if to is Primitive.STRING:
        return _string(text, form)
    stripped = text.strip(BLANKS)
    if not stripped or stripped in form.null_values or text in form.null_values:
        return None
    match to:
        case Primitive.BOOLEAN:
            return _boolean(stripped, form)
        case Primitive.DATE:
            return read_date(stripped, form.pattern) if form.pattern else read_iso_date(stripped)
        case Primitive.TIMESTAMP:
            return _instant(stripped, form)
        case Decimal():
            return read_decimal(plain_number(stripped, form), to, form)
        case Primitive():
            return NUMBERS[to](plain_number(stripped, form), form)
    return read_value(load_json(text), to, form)


def read_value(value: object, to: Type, form: Form = PLAIN) -> object:
    """The same for a value of `load_json`. Fields are matched by safe name; one that the type lacks is refused.

    JSON's own numbers and truth values are what they are, however the form writes them in text.
    """
    if value is None:
        return None
    match to:
        case Array(element):
            if not isinstance(value, list):
                raise ValueError("something in it is not a list")
            return [read_value(item, element, form) for item in value]
        case Map(key, item_type):
            return [*_pairs(_object(value), key, item_type, form).items()]
        case Struct():
            return _struct(_object(value), to, form)
        case Primitive.STRING if not isinstance(value, str) or isinstance(value, JsonNumber):
            return json_text(value)
        case Primitive.BOOLEAN if isinstance(value, bool):
            return value
    if isinstance(value, JsonNumber):
        return read_text(written(value, form), to, form)
    return read_text(value if isinstance(value, str) else json_text(value), to, form)


def _pairs(value: dict[str, Any], key: Type, item_type: Type, form: Form) -> dict[object, object]:
    found: dict[object, object] = {}
    for name, item in value.items():
        read = read_text(name, key, form)
        if read is None:
            raise ValueError("a key is null")
        if read in found:
            raise ValueError(f"two keys are equal as {key}")
        found[read] = read_value(item, item_type, form)
    return found


def written(numeral: str, form: Form) -> str:
    """A plain numeral as the form writes it."""
    return numeral.replace(".", form.decimal)


def json_text(value: object) -> str:
    """Compact JSON of a value of `load_json`, numbers as they were written."""
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(json_text, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(name)}:{json_text(item)}" for name, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("something in it is not an object")
    return value


def _struct(value: dict[str, Any], to: Struct, form: Form) -> dict[str, object]:
    types = {field.name: field.type for field in to.fields}
    found: dict[str, object] = {}
    for key, item in value.items():
        name = field_name(key, types)
        if name not in types:
            raise ValueError(f"it has a field that is not in {to}")
        if name in found:
            raise ValueError(f"field {name} stands twice")
        found[name] = read_value(item, types[name], form)
    return found


def _string(text: str, form: Form) -> str | None:
    stripped = text.strip(BLANKS) if form.trim else text
    # Where the parser tells quoted words from others, it has seen the text with its spaces only.
    if (form.null_text or stripped != text) and (stripped in form.null_values or (not stripped and stripped != text)):
        return None
    return stripped


def _boolean(text: str, form: Form) -> bool:
    word = text.lower()
    if word in (form.true_values or _TRUE):
        return True
    if word in (form.false_values or _FALSE):
        return False
    if form.true_values:
        raise ValueError("it is neither of the dataset's true_values nor of its false_values")
    raise ValueError("it is neither true nor false (true_values and false_values can name other words)")


def _instant(text: str, form: Form) -> datetime:
    if form.pattern in EPOCHS:
        return read_epoch(plain_number(text, form), EPOCHS[form.pattern])
    local, zone = read_pattern(text, form.pattern) if form.pattern else read_iso_timestamp(text)
    if zone is None:
        return to_utc(local, form.timezone)
    try:
        return local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise ValueError(OUT_OF_RANGE) from None
