"""How the names that files use become column names that Athena, Glue and Spark all take."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

MAX_LENGTH = 128
"""Characters of a column name that the Glue catalog and the contract take."""

_SEPARATORS = re.compile(r"[\s-]")
_PUNCTUATION = re.compile(r"[\s.,;:/\\()\[\]{}|'\"?!#-]")
_SAFE = re.compile(r"[a-z0-9_]*")
_UNSAFE = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=10_000)
def safe_name(name: str) -> str:
    """The name of a column that the dataset does not declare, or declares without `from`.

    Case, spaces around a name, characters that nobody sees (`bare_name`), and whether a space, a hyphen or an
    underscore parts its words make no difference: it is in lower case, with underscores. A name with anything else is
    brought to Latin letters, and gets a mark made of what it was: no two that differ in anything else are the same.
    `Amount ($)` is amount_ and six hex digits, and `Amount (€)` is amount_eur_ and six others.
    """
    plain = common_name(name)
    return plain if _SAFE.fullmatch(plain) and len(plain) <= MAX_LENGTH else marked_name(name)


def marked_name(name: str) -> str:
    """The same, with the mark in any case: for a column beside one that has its name already."""
    # Names of columns in other scripts are few: most files never load the table.
    from anyascii import anyascii

    plain = common_name(name)
    mark = hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()[:6]
    latin = _UNSAFE.sub("_", anyascii(plain).lower()).strip("_")
    return f"{latin[: MAX_LENGTH - 7].rstrip('_') or 'column'}_{mark}"


@lru_cache(maxsize=10_000)
def common_name(name: str) -> str:
    """What all have in common that are one name: see `safe_name`. Letters of every script, and signs, stay."""
    return _SEPARATORS.sub("_", _folded(name))


def is_called(name: str, header: str) -> bool:
    """Whether a declared column without `from` is what a file calls `header`, if not by `safe_name`.

    Where a contract says what is meant, it is enough if punctuation counts as underscores: user.name is user_name.
    Signs with a meaning, such as $ and %, and letters of other scripts do not: they need `from`.
    """
    return spoken_name(header) == name


@lru_cache(maxsize=10_000)
def spoken_name(header: str) -> str:
    """The name of the column that `is_called` so."""
    return _PUNCTUATION.sub("_", _folded(header))


def field_name(key: str, known: Collection[str]) -> str:
    """Which of the declared fields of a struct a file's key is; if none, the key's safe name."""
    if key in known:
        return key
    safe = safe_name(key)
    if safe in known:
        return safe
    return next((name for name in known if is_called(name, key)), safe)


@lru_cache(maxsize=10_000)
def bare_name(header: str) -> str:
    """A header as it looks: composed letters, no spaces around them, and no characters without any width.

    Copying from web pages, PDF documents and spreadsheets brings zero-width spaces, marks of direction, soft hyphens.
    """
    if header.isascii():
        return header.strip()
    seen = "".join(character for character in header if unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFC", seen).strip()


def _folded(name: str) -> str:
    return bare_name(name).lower()
