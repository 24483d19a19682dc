"""Reads `definitions/forecasts/<name>.yaml`. Every error names file, line, column and field, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.core.definitions.explanations import Explanations
from pipeline.core.definitions.files import Found, content_of, parse_as, problem_at, read_folder
from pipeline.core.definitions.problems import BadDefinitions
from pipeline.forecasts.definition import ForecastSource

FOLDER = Path("definitions/forecasts")
"""Where the definitions lie in a checkout."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A source and the file that says it."""

    source: ForecastSource
    path: str


def path_of(name: str) -> Path:
    """Where the definition of the source `name` belongs, from the root of the checkout."""
    return FOLDER / f"{name}.yaml"


def read_all(root: Path) -> Found[Definition]:
    """Read every definition of the checkout `root`. Paths in problems are relative to it."""
    found, problems = read_folder(root / FOLDER, lambda path: read_file(path, root))
    return Found(tuple(found), tuple(sorted(problems)))


def read_file(path: Path, root: Path) -> Definition:
    """Read one definition; `BadDefinitions` says all that is wrong with it."""
    content, shown = content_of(path, root)
    source, document, problems = parse_as(ForecastSource, EXPLANATIONS, content, shown, with_columns=True)
    wanted = path_of(source.source)
    if shown != wanted.as_posix():
        what = f"is not read here: the source {source.source} belongs into {wanted.as_posix()}"
        problems.append(problem_at(shown, document, ("source",), what))
    if problems:
        raise BadDefinitions(problems)
    return Definition(source, shown)


EXPLANATIONS = Explanations(
    ForecastSource,
    "is no name here: use lower-case letters, digits and underscores, a letter first, at most 20",
    {
        "topic": "is no ARN of an SNS topic",
        "bucket": "is no name of an S3 bucket",
    },
)
