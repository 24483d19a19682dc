"""CloudWatch Logs: filter patterns of terms are read as AWS reads them, and the others refused.

moto looks for words, and lets every event through where a pattern has anything else.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.emulator.moto.patch import patch

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\w+))(?:\s+|$)')


@patch(
    "moto.logs.utils:EventMessageFilter.__init__", "0e1ed97a6775", "moto lets all through where a pattern is no words"
)
def _init(self: Any, pattern: str) -> None:
    from moto.logs.exceptions import InvalidParameterException

    terms = Terms(pattern or "")
    if terms.unread:
        raise InvalidParameterException(
            f"The embedded AWS reads filter patterns of words and quoted phrases, with - and ? before them; "
            f"not {terms.unread!r}. Read the events and filter them yourself."
        )
    self.filter_type = terms


class Terms:
    """A pattern of terms: all of the plain ones and none of those with `-`, or one of those with `?`.

    Source: "Filter pattern syntax for metric filters", unstructured log events, in CloudWatch Logs' guide. `unread` is
    the rest of a pattern that is of another kind, or that mixes `?` with the others.
    """

    def __init__(self, pattern: str) -> None:
        self._terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
        pattern, at = pattern.strip(), 0
        while found := _TERM.match(pattern, at):
            sign, phrase, word = found.groups()
            self._terms[sign].append(word or re.sub(r"\\(.)", r"\1", phrase))
            at = found.end()
        self.unread = pattern[at:]
        if self._terms["?"] and (self._terms[""] or self._terms["-"]):
            self.unread = pattern

    def matches(self, message: str) -> bool:
        """Whether a message has all the terms that it must, one that it may, and none that it must not."""
        some = self._terms["?"]
        return (
            all(term in message for term in self._terms[""])
            and not any(term in message for term in self._terms["-"])
            and (not some or any(term in message for term in some))
        )
