"""A team's Python as it is run: by its file's name in tracebacks, and with what it says when it fails.

Everything that a team's code raises is caught, because whatever it is, it is the team's to hear of.
"""

from __future__ import annotations

import json
import linecache
import re
import traceback
from typing import Any

from pipeline.lake.transforms.code import Code, TransformFailed

LONGEST = 600
"""Characters of what is told of an error: a batch's row holds 1 KB."""

_MARK = "TeamCodeFailed"
_MARKED = re.compile(rf"{_MARK}: (\{{.*\}})")


class TeamCodeFailed(Exception):
    """How a worker process hands on what `told` made of an error: Spark brings only the text of it to the driver."""


def executed(code: Code, names: dict[str, Any]) -> dict[str, Any]:
    """Run the text of the file as a module with the given names; its names after that."""
    # Else a traceback would not have the lines of what is no file here.
    linecache.cache[code.file] = (len(code.text), None, code.text.splitlines(keepends=True), code.file)
    names = {"__name__": "__main__", "__file__": code.file, **names}
    # To run the team's own code, under the role of its own, is what it is for.
    exec(compile(code.text, code.file, "exec"), names)  # noqa: S102
    return names


def told(code: Code, error: BaseException) -> str:
    """One line: the kind of the error, what it says, and the lines of the team's own file that led there."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == code.file]
    if isinstance(error, SyntaxError) and error.filename == code.file:
        return f"{code.file}:{error.lineno}: {error.msg}"
    where = " ← ".join(f"{code.file}:{frame.lineno} in {frame.name}: {frame.line}" for frame in reversed(frames))
    return f"{_said(error)} (at {where})"[:LONGEST] if where else f"{code.file}: {_said(error)}"[:LONGEST]


def handed_on(code: Code, error: BaseException) -> TeamCodeFailed:
    """The same for the driver."""
    traceback.print_exception(error)
    return TeamCodeFailed(json.dumps({"told": told(code, error)}))


def brought(code: Code, text: str) -> TransformFailed | None:
    """What a worker told, from the text of Spark's error; None if that is none of the team's code."""
    if found := _MARKED.search(text):
        return TransformFailed(json.loads(found[1])["told"])
    if "Traceback (most recent call last)" not in text:
        return None
    # A function of the team's own script, run by Spark: of its traceback the last line is the error.
    lines = text.rpartition("Traceback (most recent call last)")[2].strip().splitlines()
    frames = [line.strip() for line in lines[1:] if line.lstrip().startswith("File ")]
    errors = [line for line in lines[1:] if line and not line[0].isspace()]
    where = next((frame for frame in reversed(frames) if code.file in frame), "")
    return TransformFailed(f"{code.file}: {errors[0] if errors else 'failed'} {where}".strip()[:LONGEST])


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
