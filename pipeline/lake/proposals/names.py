"""Names for the columns of a table, from what a file calls them, or from their places where it calls them nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.lake.datasets.names import MAX_LENGTH, bare_name, is_called, safe_name
from pipeline.lake.datasets.system_columns import ICEBERG_COLUMNS
from pipeline.lake.files.column_names import RESERVED_PREFIX

_LETTERS = str.maketrans(
    {"ß": "ss", "ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "ø": "oe", "œ": "oe", "ł": "l", "đ": "d", "ı": "i"}
    | {"&": " and ", "#": " no "}
)
_UNSAFE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Named:
    """A column's name in the table, what the file calls it, and `from` where the lake would not find it by its name."""

    name: str
    original: str
    source: str | int | None = None


def name_columns(originals: Sequence[str], *, by_name: bool = True, may_place: bool = True) -> list[Named | None]:
    """A name for each column of a file, in its order. None: it has no name, and may be left out if it is empty.

    `by_name`: files have a header that says what their columns are; `may_place`: `from` may be a place.
    """
    counts = Counter(bare_name(original) for original in originals)
    alike = Counter(readable_name(original) for original in originals)
    taken: set[str] = set()
    found: list[Named | None] = []
    for place, original in enumerate(originals, 1):
        if not bare_name(original) and by_name:
            found.append(None)
            continue
        readable = readable_name(original)
        name = _free(readable or f"column_{place}", taken)
        taken.add(name)
        source: str | int | None = None
        if by_name and counts[bare_name(original)] > 1 and may_place:
            source = place
        elif by_name and (alike[readable] > 1 or not _is_found(name, original)):
            source = original
        found.append(Named(name, original, source))
    return found


def _is_found(name: str, original: str) -> bool:
    """Whether the lake finds the column by its name alone."""
    return safe_name(original) == name or is_called(name, original)


def name_by_place(place: int, taken: set[str]) -> Named:
    """A name for a column that has values and that the file calls nothing."""
    return Named(_free(f"column_{place}", taken), "", place)


def readable_name(original: str) -> str:
    """Lower case, letters without their marks, one underscore between words; "" if no letter or digit is left."""
    from anyascii import anyascii

    text = bare_name(original).lstrip("#").lower().translate(_LETTERS)
    # Signs such as $ and % are no letters, and name nothing by themselves.
    words = "".join(character if character.isalnum() else " " for character in text)
    name = _UNSAFE.sub("_", anyascii(words).lower()).strip("_")
    if name.startswith(RESERVED_PREFIX) or name in ICEBERG_COLUMNS or name == RESERVED_PREFIX.strip("_"):
        name = f"file_{name}"
    return name[:MAX_LENGTH].rstrip("_")


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name[: MAX_LENGTH - 4]}_{number}" in taken:
        number += 1
    return f"{name[: MAX_LENGTH - 4]}_{number}"
