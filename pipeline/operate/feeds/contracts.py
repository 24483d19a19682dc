"""The contracts of a checkout: checked, compared with a revision, and proposed from a table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.definitions.problems import BadDefinitions, Problem
from pipeline.core.definitions.revisions import files_at
from pipeline.core.errors import NotThere, Refused
from pipeline.feeds.compatibility import ContractChange as ContractChange
from pipeline.feeds.compatibility import Kind, changes
from pipeline.feeds.definition import Feed
from pipeline.feeds.files import FOLDER, parse, path_of, read_all
from pipeline.feeds.proposal import Proposed, propose

SAMPLE = 1000
"""Items that a proposal is made of."""
_SEGMENTS = 8
"""Parts of a table of which the sample is taken: the items of one may be alike."""

GONE = ContractChange(
    "", Kind.BREAKING, "the whole feed, whose file is gone", "rows and view stay, and follow the source no more"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """The contracts of a checkout that are right, what is wrong with the others, and what changed, by feed.

    `changed` is empty where nothing was compared.
    """

    feeds: tuple[Feed, ...]
    problems: tuple[Problem, ...]
    changed: Mapping[str, Sequence[ContractChange]]

    @property
    def breaks(self) -> bool:
        """Whether a change takes something from readers, or cannot be made."""
        return any(each.kind is not Kind.COMPATIBLE for found in self.changed.values() for each in found)


def check(root: Path, name: str | None = None, *, against: str | None = None) -> Checked:
    """Check the contract of `name`, or all of them; `against` is a revision of git to compare with.

    Contracts are held to each other too. `NotThere` for a name without a file.
    """
    found = read_all(root)
    feeds = [each.feed for each in found.definitions if name in (None, each.feed.feed)]
    problems = [each for each in found.problems if name is None or each.path == path_of(name).as_posix()]
    if name is not None and not feeds and not problems:
        raise _unknown(name, [each.feed.feed for each in found.definitions])
    changed = _changed(root, feeds, against, is_all=name is None) if against is not None else {}
    wrong = {Path(problem.path).stem for problem in problems}
    return Checked(
        tuple(feeds), tuple(problems), {each: said for each, said in changed.items() if said and each not in wrong}
    )


def _changed(root: Path, feeds: Sequence[Feed], revision: str, *, is_all: bool) -> dict[str, list[ContractChange]]:
    now, found = {feed.feed: feed for feed in feeds}, dict[str, list[ContractChange]]()
    for path, content in files_at(root, FOLDER, revision):
        with contextlib.suppress(BadDefinitions):
            before = parse(content, path).feed
            if before.feed in now:
                found[before.feed] = changes(before, now[before.feed])
            elif is_all:
                found[before.feed] = [GONE]
    return found


def contract(root: Path, name: str) -> Feed:
    """The contract of a feed; `BadDefinitions` where it is wrong, `NotThere` where there is none."""
    checked = check(root, name)
    if checked.problems:
        raise BadDefinitions(checked.problems)
    return checked.feeds[0]


def _unknown(name: str, known: Sequence[str]) -> NotThere:
    there = f"There are {', '.join(sorted(known))}." if known else "There is none: see `sluice feed init`."
    return NotThere(f"there is no {path_of(name).as_posix()}", hint=there)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed contract, of how many items it was made, and what of the table does not suit a feed yet."""

    proposed: Proposed
    items: int
    warnings: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where it belongs in a checkout."""
        return path_of(self.proposed.feed.feed)


def proposal(dynamodb: Any, name: str, table: str) -> Proposal:
    """Propose the contract of the feed `name` from items of a table. `NotThere` where there is no such table."""
    try:
        described = dynamodb.describe_table(TableName=table)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        raise NotThere(f"there is no table {table}", hint="Name it as DynamoDB does, in this account.") from None
    key = [part["AttributeName"] for part in sorted(described["KeySchema"], key=lambda part: part["KeyType"])]
    items = list(_sample(dynamodb, table))
    return Proposal(propose(name, table, key, items), len(items), tuple(_unsuited(described)))


def _sample(dynamodb: Any, table: str) -> Iterator[Mapping[str, Any]]:
    for segment in range(_SEGMENTS):
        page = dynamodb.scan(TableName=table, Segment=segment, TotalSegments=_SEGMENTS, Limit=SAMPLE // _SEGMENTS)
        yield from page["Items"]


def _unsuited(described: Mapping[str, Any]) -> Iterator[str]:
    stream = described.get("StreamSpecification") or {}
    view = stream.get("StreamViewType")
    if not stream.get("StreamEnabled"):
        yield "the table has no stream: whoever owns it turns it on, with the view type NEW_IMAGE"
    elif view not in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        yield f"the table's stream shows {view}: a feed needs NEW_IMAGE or NEW_AND_OLD_IMAGES"


def write(root: Path, proposal: Proposal, *, replace: bool = False) -> Path:
    """Write a proposed contract where it belongs; `Refused` where a file is already."""
    path = root / proposal.path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("w" if replace else "x", encoding="utf-8") as file:
            file.write(proposal.proposed.text)
    except FileExistsError:
        raise Refused(f"{proposal.path.as_posix()} already exists", hint="Add --force to replace it.") from None
    return proposal.path
