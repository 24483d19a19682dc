"""Properties that CloudFormation changes by replacing the resource, by type.

`create_only.json` has them from CloudFormation's published resource schemas (`createOnlyProperties`); it is written by
`tests/emulator/cloudformation/schemas.py`. Of types whose schema does not say it, the type itself does.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("create_only.json")


def of(kind: str) -> tuple[str, ...]:
    """The property paths of a type, `Rules[].Status` for those of a list's items."""
    return tuple(_all().get(kind, ()))


@cache
def _all() -> dict[str, list[str]]:
    read: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return read
