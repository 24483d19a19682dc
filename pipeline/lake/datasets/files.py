"""Reads `definitions/datasets/<team>/<dataset>.yaml`. Every error names file, line and field, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.core.definitions.files import Found, content_of, parse_as, problem_at, read_folder
from pipeline.core.definitions.problems import BadDefinitions, Problem, field_name, line_of
from pipeline.core.definitions.yaml_values import Location
from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.explanations import EXPLANATIONS
from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.transform import LONGEST_TEXT

FOLDER = Path("definitions/datasets")
"""Where the definitions lie in a checkout."""

NAMES_LENGTH = 45
"""Characters of team and dataset together: both stand in the name of a schedule, which has at most 64."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A dataset and the file that defines it."""

    dataset: Dataset
    path: str
    lines: Mapping[Location, int] = field(repr=False, compare=False)
    blocks: Mapping[Location, int] = field(repr=False, compare=False)

    def problem(self, where: Location, what: str) -> Problem:
        """Something wrong with the part at `where`, such as ("quality", "ruleset")."""
        return Problem(self.path, line_of(where, self.lines), field_name(where), what)

    def problem_in_text(self, where: Location, line: int | None, what: str) -> Problem:
        """Something wrong in the text at `where`, in its `line` (from 1, None for all of it)."""
        found = self.problem(where, what)
        first = self.blocks.get(where)
        return replace(found, line=first + line - 1) if first and line else found


def read_all(root: Path) -> Found[Definition]:
    """Read every definition of the checkout `root`. Paths in problems are relative to it."""
    found, problems = read_folder(root / FOLDER, lambda path: read_file(path, root))
    return Found(tuple(sorted(found, key=lambda d: d.dataset.name)), tuple(sorted(problems)))


def read_file(path: Path, root: Path) -> Definition:
    """Read one definition; `BadDefinitions` says all that is wrong with it."""
    content, _ = content_of(path, root)
    return read_content(content, path, root)


def read_content(content: bytes, path: Path, root: Path) -> Definition:
    """The definition that `content` would be at `path` of the checkout; `BadDefinitions` says all that is wrong."""
    definition = parse(content, path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path))
    misplaced = list(_misplaced(definition, path.relative_to(root / FOLDER) if path.is_relative_to(root) else path))
    if misplaced:
        raise BadDefinitions(misplaced)
    return _with_texts(definition, path.parent)


def parse(content: bytes, path: str) -> Definition:
    """The definition that `content` is; `path` is only what problems name."""
    dataset, document, problems = parse_as(Dataset, EXPLANATIONS, content, path)
    if dataset.transform and (given := dataset.transform.model_fields_set & {"text", "wheels"}):
        where = ("transform", sorted(given)[0])
        problems.append(problem_at(path, document, where, "is read from its file"))
    definition = Definition(dataset, path, document.lines, document.blocks)
    problems += _too_long(definition)
    if problems:
        raise BadDefinitions(problems)
    return definition


def _with_texts(definition: Definition, folder: Path) -> Definition:
    """The definition with the text of its transform's files, which lie below `folder`."""
    transform = definition.dataset.transform
    if transform is None:
        return definition
    said: dict[str, tuple[str, str | None]] = {
        "text": (transform.kind, transform.file),
        "wheels": ("requirements", transform.requirements),
    }
    texts = {}
    for field_, (option, name) in said.items():
        if name is None:
            continue
        try:
            texts[field_] = (folder / name).read_text(encoding="utf-8")
            wrong = len(texts[field_]) > LONGEST_TEXT and f"has more than {LONGEST_TEXT} characters"
        except OSError as error:
            wrong = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            wrong = "is not UTF-8"
        if wrong:
            raise BadDefinitions([definition.problem(("transform", option), f"{name} {wrong}")])
    filled = definition.dataset.model_copy(update={"transform": transform.model_copy(update=texts)})
    return replace(definition, dataset=filled)


def _misplaced(definition: Definition, path: Path) -> Iterable[Problem]:
    name = definition.dataset.name
    if path.suffix != ".yaml":
        yield definition.problem((), f"is not read: name it {path.with_suffix('.yaml').name}")
    if len(path.parts) != 2:
        yield definition.problem((), f"lies at the wrong place: {name} belongs into {path_of(name).as_posix()}")
        return
    for part, said, place in (("team", name.team, path.parent.name), ("dataset", name.dataset, path.stem)):
        if said != place:
            yield definition.problem((part,), f"{said!r} does not fit the path, which says {place!r}")


def _too_long(definition: Definition) -> Iterable[Problem]:
    name = definition.dataset.name
    length = len(name.team) + len(name.dataset)
    if length > NAMES_LENGTH:
        what = (
            f"team and dataset together have {length} characters; their schedule's name leaves room for {NAMES_LENGTH}"
        )
        yield definition.problem(("dataset",), what)


def path_of(name: DatasetName) -> Path:
    """Where the definition of `name` belongs, from the root of the checkout."""
    return FOLDER / name.team / f"{name.dataset}.yaml"
