"""What pydantic found wrong with a definition, in words that say what to write instead."""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.core.definitions.yaml_values import Location


@dataclass(frozen=True, slots=True)
class Explanations:
    """The words for one kind of definition, whose model is `model`.

    `forms` says, by the name of a field (or of it and what it is in, such as `source.table`), how its text is written
    where a pattern did not match (`name_form` for all others); `short_forms` how a part is written that may be one
    value or a mapping, by its model. `subject` is where an error belongs that pydantic says of a whole: it is given
    where it was found, its message and the definition.
    """

    model: type[BaseModel]
    name_form: str
    forms: Mapping[str, str] = field(default_factory=dict)
    short_forms: Mapping[type[BaseModel], str] = field(default_factory=dict)
    subject: Callable[[Location, str, Mapping[str, Any]], Location] = lambda where, cause, value: where

    def explain(self, error: ValidationError, value: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
        """Where and what, for each error; `value` is what was validated."""
        for details in error.errors():
            where = tuple(step for step in details["loc"] if step != "[key]")
            yield self.subject(where, _cause(details), value), self._words(where, details)

    def _words(self, where: Location, details: ErrorDetails) -> str:
        match details["type"]:
            case "missing":
                return "is missing"
            case "extra_forbidden":
                return self._unknown(where)
            case "literal_error":
                return _none_of(details)
            case "string_pattern_mismatch":
                return f"{details['input']!r} {self._form(where)}"
            case "value_error":
                return _cause(details)
            case _:
                return self._other(where, details)

    def _form(self, where: Location) -> str:
        named = (".".join(map(str, where[-length:])) for length in (2, 1))
        return next((self.forms[name] for name in named if name in self.forms), self.name_form)

    def _unknown(self, where: Location) -> str:
        name = str(where[-1])
        here = names_of(model_at(self.model, where[:-1]) or self.model)
        if near := difflib.get_close_matches(name, here, 1):
            return f"is unknown; did you mean {near[0]!r}?"
        parts = {part: found for part in names_of(self.model) if (found := model_at(self.model, (part,)))}
        for part, model in {"": self.model, **parts}.items():
            if name in names_of(model):
                return f"is unknown here; it belongs {f'under {part!r}' if part else 'to the top level'}"
        return f"is unknown; known are {', '.join(here)}"

    def _other(self, where: Location, details: ErrorDetails) -> str:
        given, model = details["input"], model_at(self.model, where)
        if model and model in self.short_forms:
            return f"{self.short_forms[model]}, and this is {given!r}"
        if isinstance(given, Mapping | list | tuple):
            kind = "a mapping" if isinstance(given, Mapping) else "a list"
        else:
            kind = "empty" if given is None else repr(given)
        wanted = details["msg"].removeprefix("Input ").replace("valid dictionary or instance of", "mapping, as")
        wanted = wanted.replace("valid tuple", "list").replace("valid dictionary", "mapping").replace("a valid", "a")
        return f"{wanted[:1].lower()}{wanted[1:]}, and is {kind}"


def names_of(model: type[BaseModel]) -> list[str]:
    """The names of a model's fields as files write them."""
    return [known.alias or name for name, known in model.model_fields.items()]


def model_at(model: type[BaseModel], where: Location) -> type[BaseModel] | None:
    """The model of the part at `where`; None where no model stands there."""
    found: Any = model
    for step in where:
        found = _inside(found, step)
    return next((each for each in _choices(found) if _is_model(each)), None)


def _inside(annotation: Any, step: str | int) -> Any:
    for each in _choices(annotation):
        if _is_model(each):
            known = (known for name, known in each.model_fields.items() if step in (known.alias or name,))
            return next((field.annotation for field in known), None)
        if issubclass(get_origin(each) or object, Mapping):
            return get_args(each)[1]
        if get_origin(each) in (tuple, list):
            return get_args(each)[0]
    return None


def _choices(annotation: Any) -> Iterator[Any]:
    """The types that an annotation names, without what it adds to them."""
    if get_origin(annotation) is Annotated:
        yield from _choices(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from _choices(each)
    else:
        yield annotation


def _is_model(each: Any) -> bool:
    return isinstance(each, type) and get_origin(each) is None and issubclass(each, BaseModel)


def _cause(details: ErrorDetails) -> str:
    return str(details.get("ctx", {}).get("error") or details["msg"])


def _none_of(details: ErrorDetails) -> str:
    allowed = [word.strip().strip("'") for word in details["ctx"]["expected"].replace(" or ", ", ").split(",")]
    given = details["input"]
    near = difflib.get_close_matches(str(given).lower(), allowed, 1)
    choice = f"{given!r} is not {allowed[0]!r}" if len(allowed) == 1 else f"{given!r} is none of {', '.join(allowed)}"
    return f"{choice}; did you mean {near[0]!r}?" if near else choice
