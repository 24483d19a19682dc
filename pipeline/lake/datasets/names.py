"""How the names that files use become column names that Athena, Glue and Spark all take."""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[^a-z0-9_]")


def safe_name(name: str) -> str:
    """Lower case, and an underscore for every character that is not a letter a-z, a digit or an underscore."""
    return _UNSAFE.sub("_", name.strip().lower())
