"""Every file of a lake: what it is, and the dataset, the batches and the raw objects that it came from.

A raw object has rows of the catalog, which `sluice why` tells. Any other file is looked up here, by its name and by
what it says of itself, in a number of calls that does not grow with the lake. One more kind of file is one more line
of `_RULES`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import unquote

from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.records import Batch, candidates_of
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.routing import dataset_in
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.table_files import files_of, load, table_file
from pipeline.operate.zones import split

OBJECTS = 50
"""Raw objects that one answer names; `number` says how many there are."""
_FOOTER = 64 * 1024
_GONE = ("404", "NoSuchKey", "NoSuchBucket", "403")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file that is no raw object. `objects` are the raw versions that it has rows of, or may have where `note` says
    so, at most `OBJECTS` of `number`. `is_current` is False where something newer has taken its place; None where that
    makes no sense. `is_all` is False if more batches may have rows in it than those named."""

    uri: str
    kind: str
    dataset: str | None = None
    batches: tuple[str, ...] = ()
    objects: tuple[ObjectVersion, ...] = ()
    number: int = 0
    snapshot: int | None = None
    is_current: bool | None = None
    is_all: bool = True
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return {
            "uri": self.uri,
            "kind": self.kind,
            "dataset": self.dataset,
            "batches": list(self.batches),
            "objects": [{"uri": obj.uri, "version_id": obj.version_id} for obj in self.objects],
            "number_of_objects": self.number,
            "snapshot": None if self.snapshot is None else str(self.snapshot),
            "is_current": self.is_current,
            "is_all": self.is_all,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a table that a batch wrote; `rows` are all of it. `is_current`: readers of the table see it."""

    uri: str
    rows: int
    is_current: bool

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


def data_files(lake: Lake, row: ObjectRow) -> list[DataFile]:
    """The data files that the rows of a loaded object are in: those that its batch wrote, at most `OBJECTS`.

    Which of them has which object's rows, a table does not say. [] if they are not known any more.
    """
    if row.status is not Status.COMMITTED or not row.dataset or not row.batch:
        return []
    registration = lake.registry.get(DatasetName.parse(row.dataset))
    batch = lake.batches.get(row.dataset, row.batch)
    table = load(registration, lake.tables) if registration and batch else None
    return [DataFile(*each) for each in files_of(table, batch, OBJECTS)] if table and batch else []


def look_up(lake: Lake, uri: str) -> FileFacts | None:
    """What a file of the lake is; None for a raw object, and for what is no file of it.

    `BadInput` for what is no URI of S3.
    """
    bucket, key = split(uri)
    for setting, pattern, told in _RULES:
        if lake.settings.get(setting) == bucket and (found := pattern.search(key)):
            return told(lake, uri, found)
    if bucket != lake.settings[Setting.RAW_BUCKET] and bucket == _artefacts(lake):
        return FileFacts(uri, "code or a template of a deployment", note="`sluice deploy` and `sluice up` write them.")
    return None


def _of_stage_a(lake: Lake, uri: str, found: re.Match[str]) -> FileFacts:
    """A staged file, or the bad rows beside it: each says itself which raw object it was made from."""
    kind = "staged rows of a raw object" if uri.endswith(".parquet") else "rows set aside of a raw object by Stage A"
    facts = FileFacts(uri, kind, found["dataset"])
    staged = f"s3://{lake.settings[Setting.STAGING_BUCKET]}/{found[0].rpartition('.')[0]}.parquet"
    obj = _source_of(uri) or _written_of(staged)
    if obj is None:
        return replace(facts, note="It has expired, or does not say which raw object it was made from.")
    row = lake.catalog.get(obj)
    batches = (row.batch,) if row and row.batch else ()
    current = row is not None and uri in (row.staged, row.bad_rows_uri, row.left_uri)
    return replace(facts, objects=(obj,), number=1, batches=batches, is_current=current)


def _source_of(uri: str) -> ObjectVersion | None:
    """The raw object in the metadata that S3 keeps of a file."""
    bucket, key = split(uri)
    s3 = client("s3")
    try:
        metadata = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in _GONE:
            return None
        raise
    raw, version = metadata.get("raw"), metadata.get("version")
    return ObjectVersion(*split(unquote(raw)), unquote(version)) if raw and version else None


def _written_of(uri: str) -> ObjectVersion | None:
    """The raw object in the metadata of a staged Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    bucket, key = split(uri)
    s3 = client("s3")
    try:
        end = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=-{_FOOTER}")["Body"].read()
        needed = int.from_bytes(end[-8:-4], "little") + 8
        if needed > len(end):
            end = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=-{needed}")["Body"].read()
        metadata = pq.read_metadata(io.BytesIO(b"PAR1" + end[-needed:])).metadata or {}
    except (s3.exceptions.ClientError, pa.ArrowException, ValueError):
        return None
    source, version = metadata.get(b"sluice.source"), metadata.get(b"sluice.version")
    return ObjectVersion(*split(source.decode()), version.decode()) if source and version else None


def _of_batch(kind: str) -> Callable[[Lake, str, re.Match[str]], FileFacts]:
    def told(lake: Lake, uri: str, found: re.Match[str]) -> FileFacts:
        return _with_batches(lake, FileFacts(uri, kind, found["dataset"], (found["batch"],)))

    return told


def _with_batches(lake: Lake, facts: FileFacts) -> FileFacts:
    """With the raw objects of the batches, as their rows name them."""
    if facts.dataset is None:
        return facts
    known = [found for batch in facts.batches if (found := lake.batches.get(facts.dataset, batch))]
    objects = list(dict.fromkeys(obj for batch in known for obj in _loaded_by(batch)))
    note = None if len(known) == len(facts.batches) else "The history of a batch has ended: its objects name it still."
    return replace(facts, objects=tuple(objects[:OBJECTS]), number=len(objects), note=facts.note or note)


def _loaded_by(batch: Batch) -> list[ObjectVersion]:
    return [obj for place, obj in enumerate(candidates_of(batch)) if place not in batch.left_out]


def _selection(lake: Lake, uri: str, found: re.Match[str]) -> FileFacts:
    facts = FileFacts(uri, "list of rows that are sent again", found["dataset"])
    obj = _source_of(uri)
    return replace(facts, objects=(obj,), number=1) if obj else facts


def _events(lake: Lake, uri: str, found: re.Match[str]) -> FileFacts:
    return FileFacts(uri, f"what Spark did in a run of the job {found['job']}", note="For a history server of Spark.")


def _of_table(lake: Lake, uri: str, found: re.Match[str]) -> FileFacts | None:
    """A file of a dataset's table. One in a folder of its batch is known by that; of an Iceberg table its metadata
    knows."""
    name = dataset_in(found[0])
    registration = lake.registry.get(name) if name else None
    if registration is None:
        return FileFacts(uri, "file of a table of no registered dataset")
    dataset = str(registration.name)
    if in_folder := _BATCH_FOLDER.search(found[0]):
        return _with_batches(lake, FileFacts(uri, "data file", dataset, (in_folder[1],)))
    table = load(registration, lake.tables)
    known = table_file(lake, dataset, table, uri) if table else None
    if known is None:
        return FileFacts(
            uri,
            "file beside a table",
            dataset,
            is_current=False,
            note="No snapshot that the table keeps names it, or one further back than is looked. Upkeep removes files "
            "that none names.",
        )
    facts = FileFacts(uri, known.kind, dataset, known.batches, snapshot=known.snapshot, is_current=known.is_current)
    several = "Its rows are of some of these objects." if known.batches else None
    return _with_batches(lake, replace(facts, is_all=known.is_all, note=several))


def _artefacts(lake: Lake) -> str | None:
    """The bucket of code, as Glue's job names it."""
    job = lake.settings.get(Setting.STANDARD_JOB)
    glue = client("glue")
    try:
        script = glue.get_job(JobName=job)["Job"]["Command"]["ScriptLocation"] if job else ""
    except glue.exceptions.EntityNotFoundException:
        return None
    return str(script).removeprefix("s3://").partition("/")[0] or None


_NAME = r"(?P<dataset>[a-z0-9_]+/[a-z0-9_]+)"
_ULID = r"(?P<batch>[0-9A-HJKMNP-TV-Z]{26})"
_BATCH_FOLDER = re.compile(r"/batch_id=([0-9A-HJKMNP-TV-Z]{26})/")
_STAGED = re.compile(rf"^{_NAME}/\d{{4}}/\d{{2}}/\d{{2}}/[0-9a-f]{{32}}-\d+\.(?:parquet|jsonl)$")

Told = Callable[[Lake, str, re.Match[str]], FileFacts | None]
_RULES: list[tuple[Setting, re.Pattern[str], Told]] = [
    (Setting.STAGING_BUCKET, re.compile(rf"^_manifests/{_NAME}/{_ULID}-"), _of_batch("manifest of a batch")),
    (
        Setting.STAGING_BUCKET,
        re.compile(rf"^_gathered/{_NAME}/{_ULID}/"),
        _of_batch("staged rows of a batch, gathered"),
    ),
    (Setting.STAGING_BUCKET, re.compile(rf"^_rows/{_NAME}/[0-9a-f]{{32}}-"), _selection),
    (Setting.STAGING_BUCKET, re.compile(r"^_spark-events/(?P<job>[^/]+)/"), _events),
    (Setting.STAGING_BUCKET, _STAGED, _of_stage_a),
    (
        Setting.QUARANTINE_BUCKET,
        re.compile(rf"^_quality/{_NAME}/{_ULID}[-./]"),
        _of_batch("what rules found in a batch"),
    ),
    (Setting.QUARANTINE_BUCKET, re.compile(rf"^{_NAME}/_batches/{_ULID}/"), _of_batch("rows set aside by a batch")),
    (Setting.QUARANTINE_BUCKET, _STAGED, _of_stage_a),
    (Setting.CURATED_BUCKET, re.compile(r"^.+$"), _of_table),
]
"""By the bucket and the form of the key; the first that fits counts."""
