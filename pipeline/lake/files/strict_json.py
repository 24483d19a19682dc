"""JSON as it must be: no NaN or Infinity, no key twice in an object, no half of a surrogate pair."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pipeline.core.json_constants import refuse_constant

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,40}")


class JsonNumber(str):
    """The text of a JSON number, kept until the type decides what it means."""

    __slots__ = ()


class DuplicateKey(ValueError):
    """An object has `key` twice. The text names it not: a key may be somebody's value, and not for others to read."""

    def __init__(self, key: str) -> None:
        super().__init__(_TWICE.format("a key"))
        self.key = key

    @property
    def named(self) -> str:
        """The same with the key's name, if it looks like one."""
        return _TWICE.format(f"key {self.key}" if _PLAIN_KEY.fullmatch(self.key) else "a key")


_TWICE = "{} stands twice in one object"


def strict_decoder(parse_float: Callable[[str], Any], parse_int: Callable[[str], Any] = int) -> Callable[[str], Any]:
    """A function like `json.loads`, whose numbers are made by these. ValueError says what is wrong with a text."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_no_duplicates, parse_int=parse_int, parse_float=parse_float, parse_constant=refuse_constant
    )

    def decode(text: str) -> Any:
        try:
            value = decoder.decode(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from None
        except RecursionError:
            raise ValueError("the JSON nests too deep") from None
        if "\\u" in text:
            _check_surrogates(value)
        return value

    return decode


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a string holds half of a surrogate pair") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise DuplicateKey(next(key for index, key in enumerate(keys) if key in keys[:index]))
    return found


load_json = strict_decoder(JsonNumber, JsonNumber)
"""`json.loads`, strictly; numbers keep their text."""
