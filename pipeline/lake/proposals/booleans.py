"""Words for true and false."""

from __future__ import annotations

from collections.abc import Collection

_PAIRS = (
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("t", "f"),
    ("ja", "nein"),
    ("j", "n"),
    ("oui", "non"),
    ("si", "no"),
    ("sí", "no"),
    ("s", "n"),
    ("wahr", "falsch"),
    ("vrai", "faux"),
    ("verdadero", "falso"),
    ("vero", "falso"),
    ("tak", "nie"),
    ("да", "нет"),
    ("on", "off"),
)


def find_words(values: Collection[str]) -> tuple[str, str] | None:
    """The words for true and false that all `values` are, as they are written; None if they are none, or one only.

    True and false themselves are enough alone; Y without N may mean anything.
    """
    spelled = {value.lower(): value for value in sorted(values)}
    for yes, no in _PAIRS:
        if spelled and spelled.keys() <= {yes, no}:
            if yes == "true":
                return "true", "false"
            if len(spelled) == 2:
                return spelled[yes], spelled[no]
    return None


def is_half(values: Collection[str]) -> bool:
    """Whether the only value is one of two such words."""
    return len({value.lower() for value in values}) == 1 and any(next(iter(values)).lower() in pair for pair in _PAIRS)
