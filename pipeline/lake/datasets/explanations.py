"""What pydantic found wrong with a definition, in words that say what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.lake.datasets.model import Column, Dataset, Quality, StageA, StageB, Table, Transform

Location = tuple[str | int, ...]

_PARTS: Mapping[str, type[BaseModel]] = {
    "stage_a": StageA,
    "stage_b": StageB,
    "table": Table,
    "quality": Quality,
    "transform": Transform,
}

_NAME = "is not a name here: use lower-case letters, digits and underscores"
_NO_FILE = "is no file beside the definition, in lower case, such as"
_FORMS = {
    "team": f"{_NAME}, a letter first",
    "dataset": f"{_NAME}, a letter first",
    "schedule": "is not a schedule: write rate(5 minutes) or cron(0 6 * * ? *)",
    "sql": f"{_NO_FILE} transforms/orders.sql",
    "python": f"{_NO_FILE} transforms/orders.py:clean, with the name of a function",
    "script": f"{_NO_FILE} jobs/orders.py",
    "requirements": f"{_NO_FILE} transforms/requirements.txt",
}


def explain(error: ValidationError, value: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    """Where and what, for each error; `value` is what was validated."""
    for details in error.errors():
        where = tuple(step for step in details["loc"] if step != "[key]")
        yield _subject(where, details, value), _WORDS.get(details["type"], _other)(where, details)


def _subject(where: Location, details: ErrorDetails, value: Mapping[str, Any]) -> Location:
    """An error of the whole definition is about the column that its message names first."""
    if where:
        return where
    if "transform." in _cause(details):
        return ("transform",)
    column = _cause(details).split(" ", 1)[0]
    columns = value.get("stage_a", {}).get("columns", {}) if isinstance(value.get("stage_a"), dict) else {}
    return ("stage_a", "columns", column) if column in columns else ("table",)


def _cause(details: ErrorDetails) -> str:
    return str(details.get("ctx", {}).get("error") or details["msg"])


def _missing(where: Location, details: ErrorDetails) -> str:
    return "is missing"


def _unknown(where: Location, details: ErrorDetails) -> str:
    name = str(where[-1])
    here = _model(where[:-1]).model_fields
    if near := difflib.get_close_matches(name, here, 1):
        return f"is unknown; did you mean {near[0]!r}?"
    fields = {part: model.model_fields for part, model in _PARTS.items()}
    for part, known in ({"": Dataset.model_fields} | fields).items():
        if name in known:
            return f"is unknown here; it belongs {f'under {part!r}' if part else 'to the top level'}"
    return f"is unknown; known are {', '.join(here)}"


def _model(where: Location) -> type[BaseModel]:
    if not where:
        return Dataset
    return Column if where[:2] == ("stage_a", "columns") else _PARTS[str(where[0])]


def _none_of(where: Location, details: ErrorDetails) -> str:
    allowed = [word.strip().strip("'") for word in details["ctx"]["expected"].replace(" or ", ", ").split(",")]
    given = details["input"]
    near = difflib.get_close_matches(str(given).lower(), allowed, 1)
    choice = f"{given!r} is not {allowed[0]!r}" if len(allowed) == 1 else f"{given!r} is none of {', '.join(allowed)}"
    return f"{choice}; did you mean {near[0]!r}?" if near else choice


def _form(where: Location, details: ErrorDetails) -> str:
    return f"{details['input']!r} {_FORMS.get(str(where[-1]), _NAME)}"


def _value_error(where: Location, details: ErrorDetails) -> str:
    return _cause(details)


def _other(where: Location, details: ErrorDetails) -> str:
    given = details["input"]
    if where[:2] == ("stage_a", "columns") and len(where) == 3:
        return f"a column is a type such as string, or {{type: …, optional: true}}, and this is {given!r}"
    if isinstance(given, Mapping | list | tuple):
        kind = "a mapping" if isinstance(given, Mapping) else "a list"
    else:
        kind = "empty" if given is None else repr(given)
    wanted = details["msg"].removeprefix("Input ").replace("valid dictionary or instance of", "mapping, as")
    wanted = wanted.replace("valid tuple", "list").replace("valid dictionary", "mapping").replace("a valid", "a")
    return f"{wanted[:1].lower()}{wanted[1:]}, and is {kind}"


_WORDS: Mapping[str, Callable[[Location, ErrorDetails], str]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _none_of,
    "string_pattern_mismatch": _form,
    "value_error": _value_error,
}
