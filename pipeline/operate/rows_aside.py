"""Rows that were set aside, one after another: by Stage A in a file of an object's own, by batches in their folders."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pipeline.core.clients import client
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.messages.selection import RowAside
from pipeline.lake.services import Lake
from pipeline.operate.set_aside import folder_of

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_VALUE = re.compile(rf"(column [a-z0-9_]+: )(?:{_QUOTED})")
"""A value in a reason, quoted as Python writes it."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A row and the object that it is of. `stage` is A for one that could not be read as the contract says, B for one
    that the table could not take."""

    owner: ObjectRow
    stage: str
    row: RowAside


@dataclass(frozen=True, slots=True)
class Reason:
    """Rows that were set aside for one reason, told without their values. The example is the first that was met."""

    reason: str
    rows: int
    objects: int
    uri: str
    version: str
    line: int

    def and_of(self, other: Reason) -> Reason:
        """The same reason of this object's rows and of another's."""
        return replace(self, rows=self.rows + other.rows, objects=self.objects + other.objects)

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        example = {"uri": self.uri, "version_id": self.version, "line": self.line}
        return {"reason": self.reason, "rows": self.rows, "objects": self.objects, "example": example}


def told(reason: str) -> str:
    """A reason as others may read it: without the values that it quotes."""
    return _VALUE.sub(r"\1a value", reason)


class Grouping:
    """Rows counted by their reason, of which none is kept but the first of each."""

    def __init__(self) -> None:
        self.rows = 0
        self._first: dict[str, Aside] = {}
        self._objects: dict[str, set[str]] = defaultdict(set)
        self._counts: Counter[str] = Counter()

    def add(self, rows: Iterable[Aside]) -> None:
        """Count more rows."""
        for each in rows:
            reason = told(each.row.reason)
            self._first.setdefault(reason, each)
            self._objects[reason].add(each.owner.object.whole.versioned_path)
            self._counts[reason] += 1
            self.rows += 1

    def reasons(self) -> list[Reason]:
        """The most frequent first."""
        found = [
            Reason(reason, rows, len(self._objects[reason]), one.owner.object.uri, one.owner.object.version_id, line)
            for reason, rows in self._counts.items()
            for one in [self._first[reason]]
            for line in [one.row.line]
        ]
        return sorted(found, key=lambda each: (-each.rows, each.reason))


def grouped(rows: Iterable[Aside]) -> list[Reason]:
    """The reasons of `rows`, the most frequent first."""
    counted = Grouping()
    counted.add(rows)
    return counted.reasons()


def rows_aside(lake: Lake, owners: Iterable[ObjectRow]) -> Iterator[Aside]:
    """All rows that were set aside of these objects of one dataset. Files that have expired have none."""
    owners = list(owners)
    for owner in owners:
        yield from of_stage_a(owner)
    yield from of_batches(lake, owners)


def of_batches(lake: Lake, owners: Iterable[ObjectRow]) -> Iterator[Aside]:
    """Those that batches could not load; the folder of a batch is read once for all of its objects."""
    by_batch: dict[tuple[str, str], dict[str, ObjectRow]] = defaultdict(dict)
    for owner in owners:
        if owner.rows_set_aside and owner.batch and owner.dataset:
            by_batch[owner.dataset, owner.batch][owner.id] = owner
    for (dataset, batch), rows in by_batch.items():
        yield from _of_batch(lake, dataset, batch, rows)


def of_stage_a(owner: ObjectRow) -> Iterator[Aside]:
    """Those that Stage A could not read."""
    for line in lines(owner.bad_rows_uri) if owner.bad_rows_uri else ():
        yield Aside(owner, "A", RowAside.from_json(line))


def _of_batch(lake: Lake, dataset: str, batch: str, owners: dict[str, ObjectRow]) -> Iterator[Aside]:
    folder = folder_of(lake, next(iter(owners.values())), lake.batches.get(dataset, batch))
    if folder is None:
        return
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    for part in (part for page in pages for part in page.get("Contents", ())):
        for line in lines(f"s3://{bucket}/{part['Key']}"):
            if owner := owners.get(str(line.get("object"))):
                raw = json.dumps(line.get("row"), ensure_ascii=False)
                yield Aside(owner, "B", RowAside.from_json({**line, "raw": raw}))


def lines(uri: str) -> Iterator[dict[str, Any]]:
    """The objects in a file of JSON lines; none if it has expired."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = client("s3")
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
            return
        raise
    with answer["Body"] as body:
        yield from map(json.loads, body)
