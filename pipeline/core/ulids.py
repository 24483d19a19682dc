"""What ULIDs say of their time, and which comes after which: https://github.com/ulid/spec. For Glue jobs, too, which
have no library for them."""

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


def after(last: str | None, made_now: str) -> str:
    """`made_now`, or what follows `last` where the clock that made it is behind: so ULIDs stay in order without clocks
    that agree, as the specification has it within one process."""
    if last is None or made_now > last:
        return made_now
    kept = last.rstrip(_DIGITS[-1])
    raised = _DIGITS[_DIGITS.index(kept[-1]) + 1]
    return f"{kept[:-1]}{raised}".ljust(len(last), _DIGITS[0])
