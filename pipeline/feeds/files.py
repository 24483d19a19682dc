"""Reads `definitions/feeds/<name>.yaml`. Every error names file, line, column and field, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.definitions.explanations import Explanations
from pipeline.core.definitions.files import Found, content_of, parse_as, problem_at, read_folder
from pipeline.core.definitions.problems import BadDefinitions, Problem
from pipeline.core.definitions.yaml_values import Document, Location
from pipeline.feeds.definition import NOBODY, Column, Feed, Generalisation
from pipeline.feeds.types import parse_type

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


def path_of(name: str) -> Path:
    """Where the contract of the feed `name` belongs, from the root of the checkout."""
    return FOLDER / f"{name}.yaml"


def read_all(root: Path) -> Found[Definition]:
    """Read every contract of the checkout `root`, and hold them to each other. Paths in problems are relative to it."""
    found, problems = read_folder(root / FOLDER, lambda path: read_file(path, root))
    problems += _disagreements(found)
    return Found(tuple(found), tuple(sorted(problems)))


def read_file(path: Path, root: Path) -> Definition:
    """Read one contract; `BadDefinitions` says all that is wrong with it."""
    content, shown = content_of(path, root)
    definition = parse(content, shown)
    wanted = path_of(definition.feed.feed)
    if shown != wanted.as_posix():
        what = f"is not read here: the feed {definition.feed.feed} belongs into {wanted.as_posix()}"
        raise BadDefinitions([definition.problem(("feed",), what)])
    if definition.feed.key_holder == NOBODY:
        raise BadDefinitions([definition.problem(("key_holder",), "say who holds the keys of the pseudonyms")])
    if ambiguous := list(_ambiguous_keys(definition)):
        raise BadDefinitions(ambiguous)
    return definition


def parse(content: bytes, path: str) -> Definition:
    """The contract that `content` is; `path` is only what problems name."""
    feed, document, problems = parse_as(Feed, EXPLANATIONS, content, path, with_columns=True)
    if problems:
        raise BadDefinitions(problems)
    return Definition(feed, path, document)


def _ambiguous_keys(definition: Definition) -> Iterator[Problem]:
    """Two keys of the source that are written differently are two items, and must not become one row."""
    feed = definition.feed
    for name in feed.target.key:
        column = feed.columns[name]
        taken = "so that two of the key could be one row"
        pseudonymised = column.pseudonymise
        if pseudonymised and feed.namespaces[pseudonymised].identifier != "exact":
            what = f"several spellings are one in {pseudonymised}, {taken}: use a namespace with identifier: exact"
            yield definition.problem(("columns", name), what)
        elif parse_type(column.type).kind == "timestamp" and column.written_as == "iso":
            what = f"several spellings are one moment, {taken}: make it text, and add a column with the time"
            yield definition.problem(("columns", name), what)


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
