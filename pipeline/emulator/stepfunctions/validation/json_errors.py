"""What AWS says of a text that is no JSON: the words of Jackson, the parser that Step Functions is written with.

Known from what AWS answered: an unknown token, a wrong start of a field name, a missing comma. The other two sentences
are Jackson's own. What is left (a text that ends too early, say) keeps Python's words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_VALUE = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_TOKEN = re.compile(r"[^\W\d]\w*")


LONGEST_SOURCE = 500
"""Characters of a text that a place shows."""


@dataclass(frozen=True, slots=True)
class JsonError:
    """One complaint; `place` shows the text and tells the line and the column, from 1, where the parser stood then."""

    message: str
    place: str


def complaint(text: str) -> JsonError | None:
    """What is wrong with a text; None if it is JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return _of_jackson(text, error)
    return None


def _of_jackson(text: str, error: json.JSONDecodeError) -> JsonError:
    token = _TOKEN.match(text, error.pos)
    if token is not None and error.msg == "Expecting value":
        message = f"Unrecognized token '{token[0]}': was expecting {_VALUE}"
        return JsonError(message, _place(text, error, len(token[0])))
    expected = _expected(text, error)
    if expected is None or error.pos >= len(text):
        return JsonError(error.msg, _place(text, error, 0))
    found = text[error.pos]
    return JsonError(f"Unexpected character ('{found}' (code {ord(found)})): {expected}", _place(text, error, 1))


def _place(text: str, error: json.JSONDecodeError, read: int) -> str:
    """Jackson tells where it is after the `read` characters that it complains of."""
    rest = len(text) - LONGEST_SOURCE
    more = f"[truncated {rest} chars]" if rest > 0 else ""
    return f'[Source: (String)"{text[:LONGEST_SOURCE]}"{more}; line: {error.lineno}, column: {error.colno + read}]'


def _expected(text: str, error: json.JSONDecodeError) -> str | None:
    match error.msg:
        case "Expecting value":
            return f"expected a valid value {_VALUE}"
        case "Expecting property name enclosed in double quotes":
            return "was expecting double-quote to start field name"
        case "Expecting ',' delimiter":
            return f"was expecting comma to separate {_container(text[: error.pos])} entries"
        case "Expecting ':' delimiter":
            return "was expecting a colon to separate field name and value"
    return None


def _container(before: str) -> str:
    """What is open at the end of a text that is JSON so far."""
    open_now: list[str] = []
    for sign in re.sub(r'"(?:[^"\\]|\\.)*"', "", before):
        if sign in "[{":
            open_now.append(sign)
        elif sign in "]}":
            open_now.pop()
    return "Object" if open_now[-1] == "{" else "Array"
