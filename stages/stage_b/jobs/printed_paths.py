"""How Spark may print the path of a file that it reads: versions differ in what they percent-encode. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from pipeline.core.errors import Inconsistent

_LEGAL = "/_-!.~'()*,;:$&+=@"
"""What java.net.URI leaves as it is in a path, beside letters, digits and what is beyond ASCII."""

SCHEME = "^[a-zA-Z0-9+.-]+:/+"
"""What the same file may have in front: `s3://` in the manifest is `s3a://` to some. As a regular expression."""


def without_scheme(path: str) -> str:
    """A path without `s3://` or `s3a://`."""
    return re.sub(SCHEME, "", path)


def spellings(path: str) -> set[str]:
    """The forms of a path without its scheme: as it is, as a java.net.URI prints it, and that in ASCII."""
    plain = without_scheme(path)
    uri = re.sub(r"[\x00-\x7f]+", lambda found: quote(found[0], _LEGAL), plain)
    return {plain, uri, quote(plain, _LEGAL)}


def by_spelling(paths: Sequence[str]) -> dict[str, int]:
    """The place in `paths` of the path that each spelling is of.

    `Inconsistent` if two paths may be printed alike: rows could be taken for another object's.
    """
    places: dict[str, int] = {}
    for place, path in enumerate(paths):
        for spelling in spellings(path):
            if places.setdefault(spelling, place) != place:
                raise Inconsistent(f"Spark may print {paths[places[spelling]]} and {path} alike")
    return places
