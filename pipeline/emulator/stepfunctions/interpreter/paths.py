"""JSONPath as Step Functions reads it: a path that can match one value gives the value, any other a list.

moto gives a list for some of the first (`$.items[0].key`), and parses every path anew at each use.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from pipeline.emulator.moto.patch import patch

# AWS takes a dot before a bracket: `$.rows.[0]`.
_STEP = re.compile(r"\.([^.\[\]*?@()\s'\"]+)|\.?\[(?:(-?\d+)|'([^'\\]*)'|\"([^\"\\]*)\")\]")
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_NAME = r"[^\s.\[\]()]+"
_ARGUMENTS = rf"(?:{_QUOTED}|[^()'\"])*"
_SELECTED = rf"(?:{_QUOTED}|\[(?:{_QUOTED}|[^\[\]'\"])*\]|[^\[\]'\"])+"
# A path in outline: what is in brackets, or between the parentheses of a function, is closed.
_PATH = re.compile(rf"\$(?:\$|[^\W\d]\w*)?(?:\.{{1,2}}{_NAME}(?:\({_ARGUMENTS}\))?|\.{{0,2}}\[{_SELECTED}\])*")
_VARIABLE = re.compile(r"\$(?:\$|[^\W\d]\w*)")
_INDEX_AT_THE_END = re.compile(r"\[\d+\]$")


def extract_json(path: str, data: Any) -> Any:
    """What `path` finds in `data`. moto's `NoSuchJsonPathError` if a path to one value finds none."""
    from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

    steps = steps_of(path)
    if steps is None:
        found = [match.value for match in _parsed(path).find(data)]
        # AWS unpacks what an index behind a wildcard or filter leaves, against the specification of JSONPath.
        return found[0] if len(found) == 1 and _INDEX_AT_THE_END.search(path) else found
    value = data
    for step in steps:
        try:
            if isinstance(value, dict) != isinstance(step, str):
                raise NoSuchJsonPathError(json_path=path, data=data)
            value = value[step]
        except (LookupError, TypeError) as missing:
            raise NoSuchJsonPathError(json_path=path, data=data) from missing
    return value


def is_path(text: str) -> bool:
    """Whether a text is a path of the input, the context object (`$$`) or a variable (`$name`), as AWS takes it."""
    return _PATH.fullmatch(text) is not None


def is_reference(text: str) -> bool:
    """Whether a text is a path to which a result can be written: one place of the input."""
    return is_path(text) and not _VARIABLE.match(text) and steps_of(text) is not None


def is_readable(path: str) -> bool:
    """Whether `extract_json` can follow what `is_path`: it knows no functions such as `length()`."""
    from jsonpath_ng.exceptions import JSONPathError

    rooted = _VARIABLE.sub("$", path, count=1)
    try:
        return steps_of(rooted) is not None or _parsed(rooted) is not None
    except JSONPathError:
        return False


@lru_cache(4096)
def steps_of(path: str) -> tuple[str | int, ...] | None:
    """The keys and indexes of a path that can match one value only; None for any other."""
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        name, index, *quoted = found.groups()
        steps.append(int(index) if index is not None else next(key for key in (name, *quoted) if key is not None))
        at = found.end()
    return tuple(steps)


@lru_cache(1024)
def _parsed(path: str) -> Any:
    from jsonpath_ng.ext.parser import parse

    return parse(path)


def text_of(parser_rule_context: Any) -> str | None:
    """A string of the definition with its escapes resolved, which moto forgets, or reads as Python's."""
    from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
    from moto.stepfunctions.parser.asl.antlt4utils.antlr4utils import is_terminal

    if is_terminal(parser_rule_context, ASLLexer.NULL):
        return None
    text: str = parser_rule_context.getText()
    if not (text.startswith('"') and text.endswith('"')):
        return text
    return str(json.loads(text)) if "\\" in text else text[1:-1]


patch(
    "moto.stepfunctions.parser.asl.parse.preprocessor:Preprocessor._inner_string_of",
    "d9f476327b5b",
    "moto forgets the escapes of a string",
)(text_of)
patch(
    "moto.stepfunctions.parser.asl.antlt4utils.antlr4utils:from_string_literal",
    "516a21a5607f",
    "moto reads the escapes of a string as Python's",
    rebind="moto.stepfunctions",
)(text_of)
patch(
    "moto.stepfunctions.parser.asl.utils.json_path:extract_json",
    "932245247973",
    "moto gives a list for some paths to one value, and parses a path at each use",
    rebind="moto.stepfunctions",
)(extract_json)
