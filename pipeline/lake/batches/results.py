"""What a run of a team's transform says that it wrote: read, held against what is known, and only then recorded.

The run has no right on the batches' rows, and its result is worth no more than its team's word: code that runs with
its rights may have written it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.core.errors import Refused
from pipeline.lake.batches.records import FINAL, BatchRecords, BatchStatus, unknown
from pipeline.lake.messages.manifest import Manifest, manifest_folder
from pipeline.lake.messages.written import Written, result_key
from pipeline.lake.tables.names import branch_name
from pipeline.lake.transforms.code import Code

log = logging.getLogger(__name__)

LARGEST = 1024 * 1024
"""Bytes of a result: of 300 objects with all that may be said of each it has a tenth of that."""

_FACTS: Mapping[str, tuple[type, ...]] = {
    "run": (str,),
    "branch": (str,),
    "base": (str,),
    "snapshot": (str, type(None)),
    "rows": (int,),
    "bad_rows": (int,),
    "superseded": (list,),
    "superseded_rows": (int,),
    "can_move": (bool,),
    "set_aside": (dict,),
    "repeated": (dict,),
    "given": (int,),
    "made": (int,),
    "read": (dict,),
}


class Branches(Protocol):
    """Looks at what a run wrote to a table."""

    def check_written(self, table: str, written: Written) -> None:
        """`Refused` if the table does not have what the run says that it wrote; see `IcebergTables`."""
        ...


def accepted(document: Any, manifest: Manifest, run: str) -> Written:
    """A run's result as facts; `Refused` with what is wrong if it cannot be what that run made of the manifest."""
    _check(isinstance(document, Mapping), "it is no JSON object")
    lacking = sorted(name for name, kinds in _FACTS.items() if not _is_one(document.get(name, ...), kinds))
    _check(not lacking, f"it has no {', '.join(lacking)}, or of another type")
    _check(_is_number(document["base"]) and _is_number(document["snapshot"] or "0"), "its snapshots are no numbers")
    written = Written.from_json(document)
    _check(written.run == run, f"it is of the run {written.run}")
    _check(written.branch == branch_name(manifest.batch, run), f"it names the branch {written.branch}")
    # Without rows there is nothing to judge: who writes a snapshot and says so would pass the rules by.
    _check((written.snapshot is None) == (written.rows == 0), "it has a snapshot without rows, or rows without one")
    _check_counts(written, manifest)
    _check_objects(written, manifest)
    code = Code.of(manifest.definition)
    _check(code is not None, "the dataset of its batch has no transform")
    assert code
    reads = {str(dataset) for dataset in code.views.values()}
    _check(
        set(written.read) <= reads and all(_is_number(each) for each in written.read.values()),
        "it read what the definition does not name",
    )
    _check(not written.can_move or may_move(code, manifest), "its rows depend on what the table had")
    return written


def may_move(code: Code, manifest: Manifest) -> bool:
    """Whether what a transform gives is the same on whatever the table has, so that it may be appended to it."""
    reads_own = any(manifest.table.endswith(f"{each.team}.{each.dataset}") for each in code.views.values())
    return manifest.write == "append" and code.kind == "sql" and not manifest.judges_table and not reads_own


def _check_counts(written: Written, manifest: Manifest) -> None:
    staged = sum(each.rows for each in manifest.objects)
    given, made = written.given or 0, written.made or 0
    numbers = (written.rows, written.bad_rows, written.superseded_rows, given, made)
    _check(all(each >= 0 for each in numbers), "it has numbers below zero")
    _check(
        given + written.bad_rows == staged,
        f"it gave {given} rows to the transform and set {written.bad_rows} aside, of {staged}",
    )
    _check(
        written.superseded_rows == max(0, made - written.rows) and (written.rows == made or manifest.write != "append"),
        f"of {made} rows {written.rows} were written and {written.superseded_rows} superseded",
    )


def _check_objects(written: Written, manifest: Manifest) -> None:
    rows = {each.object.digest: each.rows for each in manifest.objects}
    for name, counts in (("set_aside", written.set_aside), ("repeated", written.repeated)):
        known = all(type(count) is int and 0 <= count <= rows.get(digest, -1) for digest, count in counts.items())
        _check(known, f"{name} names what is no object of its batch, or more rows than that has")
    _check(sum(written.set_aside.values()) == written.bad_rows, "it does not say whose the rows are that it set aside")
    paths = {each.object.versioned_path for each in manifest.objects}
    _check(
        all(isinstance(each, str) and each in paths for each in written.superseded),
        "it supersedes what is no object of its batch",
    )
    _check(not written.superseded or manifest.write == "overwrite", "it supersedes objects, and does not overwrite")


def _is_one(value: Any, kinds: tuple[type, ...]) -> bool:
    # True is an int to Python, and no number to anybody else.
    return type(value) in kinds


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) <= len(str(-(2**63)))


def _check(holds: bool, wrong: str) -> None:
    if not holds:
        raise Refused(
            f"what the transform's run says that it wrote is not true: {wrong}",
            hint="The batch's objects can be redriven. Code of a transform writes nothing but the rows that it gives.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecorder:
    """Records the results of runs of teams' transforms, which lie in `staging_bucket`, on their batches' rows."""

    records: BatchRecords
    branches: Branches
    s3: Any
    staging_bucket: str

    def record(self, dataset: str, batch_id: str, table: str, run: str) -> Written:
        """Put what a run wrote on the row of its batch, which is RUNNING from here; doing it again is harmless.

        `Refused` for a result that is not there or not true, and for a batch that has ended.
        """
        batch = self.records.get(dataset, batch_id)
        if batch is None:
            raise unknown(batch_id, dataset)
        if batch.status in FINAL or batch.status is BatchStatus.OPENING or batch.manifest is None:
            raise Refused(f"batch {batch_id} of {dataset} is {batch.status}: a job of it may not write any more")
        if batch.write and batch.write.run == run:
            # The verdict, if there is one, is on this.
            return batch.write
        manifest = self._manifest(dataset, batch.manifest)
        _check(manifest.batch == batch_id and manifest.table == table, "its batch's manifest is of another")
        written = accepted(self._result(dataset, batch_id, run), manifest, run)
        self.branches.check_written(table, written)
        self.records.wrote(dataset, batch_id, written)
        return written

    def _manifest(self, dataset: str, uri: str) -> Manifest:
        key = uri.removeprefix(f"s3://{self.staging_bucket}/")
        _check(key.startswith(manifest_folder(dataset)), f"the manifest {uri} is of another dataset")
        return Manifest.from_json(json.loads(self.s3.get_object(Bucket=self.staging_bucket, Key=key)["Body"].read()))

    def _result(self, dataset: str, batch: str, run: str) -> Any:
        key = result_key(dataset, batch, run)
        try:
            found = self.s3.get_object(Bucket=self.staging_bucket, Key=key)
        except self.s3.exceptions.NoSuchKey:
            raise Refused(f"run {run} of batch {batch} ended well and left no word of what it did") from None
        _check(found["ContentLength"] <= LARGEST, f"it has {found['ContentLength']} bytes")
        try:
            return json.loads(found["Body"].read())
        except ValueError:
            _check(False, "it is no JSON")
