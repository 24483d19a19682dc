"""When ULIDs were made, for Glue jobs, which have no library for them: https://github.com/ulid/spec."""

from __future__ import annotations

import string
from datetime import UTC, datetime

_DIGITS = string.digits + "ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32."""

_OF_TIME, _OF_CHANCE = 10, 16


def made(ulid: str) -> datetime:
    """When a ULID was made: its first ten characters are its milliseconds since 1970.

    Raises `ValueError` for a character that no ULID has.
    """
    milliseconds = 0
    for character in ulid[:_OF_TIME].upper():
        milliseconds = milliseconds * len(_DIGITS) + _DIGITS.index(character)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def first(moment: datetime) -> str:
    """The least ULID of a moment's millisecond."""
    characters, milliseconds = "", int(moment.timestamp() * 1000)
    for _ in range(_OF_TIME):
        milliseconds, digit = divmod(milliseconds, len(_DIGITS))
        characters = _DIGITS[digit] + characters
    return characters + _DIGITS[0] * _OF_CHANCE
