"""Reads a file that defines something: YAML, checked by a model, with every problem at its place."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from pipeline.core.definitions.explanations import Explanations
from pipeline.core.definitions.problems import BadDefinitions, Problem, field_name, line_of, problem_of
from pipeline.core.definitions.strict_model import StrictModel
from pipeline.core.definitions.yaml_values import Document, Location, read_yaml

Model = TypeVar("Model", bound=StrictModel)


def parse_as(
    model: type[Model], explanations: Explanations, content: bytes, path: str, *, with_columns: bool = False
) -> tuple[Model, Document, list[Problem]]:
    """What `content` defines, with what else is wrong with its YAML; `BadDefinitions` where it defines nothing.

    `path` is only what problems name; `with_columns` has them say where in its line a field begins.
    """
    document = read_yaml(content)
    problems = [problem_of(path, found) for found in document.problems]
    if not with_columns:
        document.columns.clear()
    if document.unreadable:
        raise BadDefinitions(problems)
    if not isinstance(document.value, dict):
        problems.append(Problem(path, 1, "", "is empty" if document.value is None else "is not a mapping of fields"))
        raise BadDefinitions(problems)
    try:
        return model.model_validate(document.value), document, problems
    except ValidationError as error:
        found = explanations.explain(error, document.value)
        raise BadDefinitions([*problems, *(problem_at(path, document, where, what) for where, what in found)]) from None


def problem_at(path: str, document: Document, where: Location, what: str) -> Problem:
    """Something wrong with the part at `where`."""
    column = line_of(where, document.columns) if document.columns else None
    return Problem(path, line_of(where, document.lines), field_name(where), what, column)
