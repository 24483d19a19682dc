"""The functions that Step Functions adds to JSONata.

Source: "JSONata functions provided by Step Functions" in its guide. An argument that makes no sense gives nothing
(undefined), as there; one of another type is JSONata's `T0410`.
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Callable
from typing import Any

NOTHING = None
"""JSONata's undefined, as jsonata-python has it; its null is another object."""

_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_LONGEST_RANGE = 1_000_000


def _refuse(index: int, function: str) -> Exception:
    from jsonata.jexception import JException

    refused: Exception = JException("T0410", 0, index, function)
    return refused


def _whole(value: Any, index: int, function: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(index, function)
    return int(value)


def _text(value: Any, index: int, function: str) -> str:
    if not isinstance(value, str):
        raise _refuse(index, function)
    return value


def _at_most(arguments: tuple[Any, ...], count: int, function: str) -> list[Any]:
    """The arguments, absent ones as nothing."""
    if len(arguments) > count:
        raise _refuse(count + 1, function)
    return [*arguments, *[NOTHING] * (count - len(arguments))]


def _partition(*arguments: Any) -> Any:
    array, size = _at_most(arguments, 2, "partition")
    if array is NOTHING or size is NOTHING:
        return NOTHING
    length = _whole(size, 2, "partition")
    items = array if isinstance(array, list) else [array]
    if length <= 0 or not items:
        return NOTHING
    return [items[first : first + length] for first in range(0, len(items), length)]


def _range(*arguments: Any) -> Any:
    given = _at_most(arguments, 3, "range")
    if NOTHING in given:
        return NOTHING
    first, last, step = (_whole(value, place, "range") for place, value in enumerate(given, 1))
    if step == 0:
        return NOTHING
    values = range(first, last + (1 if step > 0 else -1), step)
    if len(values) > _LONGEST_RANGE:
        raise ValueError("Expression evaluation memory limit exceeded")
    return NOTHING if not values else values[0] if len(values) == 1 else list(values)


def _hash(*arguments: Any) -> Any:
    content, algorithm = _at_most(arguments, 2, "hash")
    if content is NOTHING or algorithm is NOTHING:
        return NOTHING
    name = _HASHES.get(_text(algorithm, 2, "hash"))
    if name is None:
        raise _refuse(2, "hash")
    return hashlib.new(name, _text(content, 1, "hash").encode(), usedforsecurity=False).hexdigest()


def _random(*arguments: Any) -> float:
    (seed,) = _at_most(arguments, 1, "random")
    # The sequence of a seed is not AWS's, which is not published; that it repeats is.
    source = random.Random() if seed is NOTHING else random.Random(_whole(seed, 1, "random"))  # noqa: S311
    return source.random()


def _uuid(*arguments: Any) -> str:
    _at_most(arguments, 0, "uuid")
    return str(uuid.uuid4())


def _parse(*arguments: Any) -> Any:
    from jsonata.utils import Utils

    (text,) = _at_most(arguments, 1, "parse")
    if text is NOTHING:
        return NOTHING
    found = json.loads(_text(text, 1, "parse"))
    return Utils.NULL_VALUE if found is None else found


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": _uuid,
    "parse": _parse,
}
