"""Numbers and truth values in columns of text, put into quotes where they stand, so that Arrow takes them for text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np

from pipeline.lake.files.readers.json_split import Text

_QUOTE = ord('"')
_SIMPLE = re.compile(rb"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?|true|false")
"""Without exponents: whether such a number is too large is for others to see."""


def quoted(text: Text, keys: Sequence[str], rows: int) -> Text | None:
    """The same objects, one a line, with quotes around what is no string under those keys; nulls stay.

    None if there is nothing to quote, or something of which it is not known here whether it is good: it is not JSON,
    not one object a line, an object or array, a number with an exponent. Of a key that stands twice one is not
    seen; who reads the text refuses it.
    """
    try:
        found = _decoder(tuple(keys)).decode_lines(memoryview(text.data))
    except (msgspec.DecodeError, RecursionError):
        return None
    if len(found) != rows:
        return None
    places: list[int] = []
    start = _address(text)
    for record in found:
        for raw in msgspec.structs.astuple(record):
            value = b'"' if raw is None else bytes(raw)
            if value[:1] == b'"' or value == b"null":
                continue
            if not _SIMPLE.fullmatch(value):
                return None
            place = _address(np.frombuffer(raw, np.uint8)) - start
            places += (place, place + len(value))
    return np.insert(text, places, _QUOTE) if places else None


@lru_cache(16)
def _decoder(keys: tuple[str, ...]) -> msgspec.json.Decoder[msgspec.Struct]:
    fields = {f"f{place}": key for place, key in enumerate(keys)}
    kind = msgspec.defstruct("Texts", [(name, msgspec.Raw, None) for name in fields], rename=fields)
    return msgspec.json.Decoder(kind)


def _address(text: Text) -> int:
    address: int = text.__array_interface__["data"][0]
    return address
