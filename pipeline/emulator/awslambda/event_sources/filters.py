"""The filters of an event source: which records its function gets. Pure.

Rules from "Control which events Lambda sends to your function": a record passes if one of the patterns matches it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pipeline.emulator.eventbridge.patterns import Pattern


class Filters:
    """A mapping's FilterCriteria; None lets everything pass. BadDefinition for what is no pattern."""

    def __init__(self, criteria: Mapping[str, Any] | None) -> None:
        given = (criteria or {}).get("Filters") or []
        self._patterns = [_pattern(each.get("Pattern") or "{}") for each in given]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def pass_record(self, record: Mapping[str, Any]) -> bool:
        """Whether a record, as the function would get it, passes.

        The `body` of a queue's message is matched as what its JSON holds; one that is no JSON is text, which patterns
        for its fields do not match.
        """
        if not self._patterns:
            return True
        if isinstance(body := record.get("body"), str):
            record = {**record, "body": _parsed(body)}
        return any(pattern.matches(record) for pattern in self._patterns)


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern:
    return Pattern(text)


def _parsed(body: str) -> Any:
    try:
        found = json.loads(body)
    except ValueError:
        return body
    return found if isinstance(found, dict) else body
