"""Reads `definitions/feeds/<name>.yaml`. Every error names file, line, column and field, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.definitions.explanations import Explanations
from pipeline.core.definitions.files import parse_as, problem_at
from pipeline.core.definitions.problems import BadDefinitions, Problem
from pipeline.core.definitions.yaml_values import Document, Location
from pipeline.feeds.definition import NOBODY, Column, Feed, Generalisation

FOLDER = Path("definitions/feeds")
"""Where the contracts lie in a checkout."""

_NAME = "is no name here: use lower-case letters, digits and underscores, a letter first, at most 48"


@dataclass(frozen=True, slots=True)
class Definition:
    """A contract and the file that says it."""

    feed: Feed
    path: str
    document: Document = field(repr=False, compare=False)

    def problem(self, where: Location, what: str) -> Problem:
        """Something wrong with the part at `where`, such as ("columns", "person")."""
        return problem_at(self.path, self.document, where, what)


@dataclass(frozen=True, slots=True)
class Found:
    """All contracts of a checkout: those that are right, and what is wrong with the others."""

    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...]

    def or_raise(self) -> tuple[Definition, ...]:
        """The contracts, or `BadDefinitions` if anything is wrong with any file."""
        if self.problems:
            raise BadDefinitions(self.problems)
        return self.definitions


def path_of(name: str) -> Path:
    """Where the contract of the feed `name` belongs, from the root of the checkout."""
    return FOLDER / f"{name}.yaml"


def read_all(root: Path) -> Found:
    """Read every contract of the checkout `root`, and hold them to each other. Paths in problems are relative to it."""
    found: list[Definition] = []
    problems: list[Problem] = []
    for path in sorted(each for each in (root / FOLDER).rglob("*") if each.suffix in (".yaml", ".yml")):
        try:
            found.append(read_file(path, root))
        except BadDefinitions as bad:
            problems += bad.problems
    problems += _disagreements(found)
    return Found(tuple(found), tuple(sorted(problems)))


def read_file(path: Path, root: Path) -> Definition:
    """Read one contract; `BadDefinitions` says all that is wrong with it."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadDefinitions([Problem(shown, 1, "", f"cannot be read: {error.strerror}")]) from error
    definition = parse(content, shown)
    wanted = path_of(definition.feed.feed)
    if shown != wanted.as_posix():
        what = f"is not read here: the feed {definition.feed.feed} belongs into {wanted.as_posix()}"
        raise BadDefinitions([definition.problem(("feed",), what)])
    if definition.feed.key_holder == NOBODY:
        raise BadDefinitions([definition.problem(("key_holder",), "say who holds the keys of the pseudonyms")])
    return definition


def parse(content: bytes, path: str) -> Definition:
    """The contract that `content` is; `path` is only what problems name."""
    feed, document, problems = parse_as(Feed, EXPLANATIONS, content, path, with_columns=True)
    if problems:
        raise BadDefinitions(problems)
    return Definition(feed, path, document)


def _disagreements(definitions: Iterable[Definition]) -> Iterator[Problem]:
    """Feeds share a database: a table is one feed's, and a namespace means the same to all of them."""
    tables: dict[tuple[str, str], Definition] = {}
    namespaces: dict[str, Definition] = {}
    for each in definitions:
        target = each.feed.target
        first = tables.setdefault((target.schema_, target.table), each)
        if first is not each:
            yield each.problem(
                ("target", "table"), f"{target.schema_}.{target.table} is that of {first.path} already: name another"
            )
        for name, namespace in each.feed.namespaces.items():
            first = namespaces.setdefault(name, each)
            if first.feed.namespaces[name] != namespace:
                what = f"says otherwise than in {first.path}: pseudonyms of one namespace would not join"
                yield each.problem(("namespaces", name), what)


def _subject(where: Location, cause: str, value: Mapping[str, Any]) -> Location:
    """An error of the whole contract, or of its columns, is about the part that its message names first."""
    if where not in ((), ("columns",)):
        return where
    if "key" in cause and "target" in cause:
        return ("target", "key")
    name = cause.split(" ", 1)[0].rstrip(",")
    columns = value.get("columns")
    return ("columns", name) if isinstance(columns, Mapping) and name in columns else ("dropped",)


EXPLANATIONS = Explanations(
    Feed,
    _NAME,
    {
        "source.table": "is no name of a DynamoDB table: letters, digits, points, hyphens and underscores, at least 3",
        "from": "is no way to an attribute: names with points between them; write a point within a name as \\.",
    },
    {
        Column: "a column is a type such as text, or {type: …, from: …}",
        Generalisation: "generalise is one of day, week, month, quarter, year and hour, or {bands: […]} or {prefix: …}",
    },
    _subject,
)
