"""One spelling for each identifier, so that one person has one pseudonym however a source writes it.

Two people must not become one: whatever is left empty is no identifier at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal

_SPACES = re.compile(r"\s+")
_NO_DIGITS = re.compile(r"[^0-9]+")


def _plain(text: str) -> str:
    """Compatible characters made one (NFKC, Unicode Annex 15), case folded, invisible characters taken away."""
    if text.isascii() and text.isprintable():
        return text.lower()
    # Folding may undo what NFKC did, and the other way round (Unicode Standard, 3.13, D146).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(
        character for character in folded if unicodedata.category(character) not in ("Cf", "Cc") or character.isspace()
    )


def _text(text: str) -> str:
    return _SPACES.sub(" ", _plain(text)).strip()


def _email(text: str) -> str:
    # An accent may have stood on a space.
    return unicodedata.normalize("NFKC", _SPACES.sub("", _plain(text)))


def _code(text: str) -> str:
    # In many scripts a mark is what tells two letters apart.
    found = "".join(
        character for character in _plain(text) if character.isalnum() or unicodedata.category(character)[0] == "M"
    )
    # A mark may have stood on what was taken away.
    return unicodedata.normalize("NFKC", found.upper())


def _digits(text: str) -> str:
    if text.isascii():
        return _NO_DIGITS.sub("", text)
    # Of other scripts by their value.
    return "".join(str(unicodedata.digit(each)) for each in _plain(text) if each.isdigit())


def _exact(text: str) -> str:
    return text


NORMALISERS: dict[str, Callable[[str], str]] = {
    "text": _text,
    "email": _email,
    "code": _code,
    "digits": _digits,
    "exact": _exact,
}
"""By the name that a namespace says. Each gives its own result back unchanged."""


def number_as_text(value: Decimal) -> str:
    """A number that is an identifier, as it is written without exponent and without zeros at the end: 1.0 is 1."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
