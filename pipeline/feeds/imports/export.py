"""An export of the table to S3, whose files are read: the table's own capacity is not touched."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, cast

from pipeline.core.errors import Broken, Misconfigured, Refused
from pipeline.feeds import history
from pipeline.feeds.history import Segment
from pipeline.feeds.imports import runs
from pipeline.feeds.imports.comparison import Comparison, compare
from pipeline.feeds.imports.in_place import progress
from pipeline.feeds.imports.jobs import Job
from pipeline.feeds.imports.live import check_live
from pipeline.feeds.imports.progress import Estimate, Progress
from pipeline.feeds.writer import Writer, versions_of

ROWS_A_SECOND = 20_000
"""What one import surely writes on a small instance: the estimate's rate. The benchmark tells what is measured."""

_WAY = "export"
_BATCH = 5_000
_ASK_AGAIN_S = 10.0
_NEEDED = (
    "Point in time recovery has to be on. To export, one needs dynamodb:ExportTableToPointInTime and s3:PutObject."
)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of an export, as its manifest tells of it."""

    key: str
    items: int
    md5: str


class Export:
    """See `ways.Way`. For large tables: DynamoDB writes the files, and each is a part of the import."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def estimate(self) -> Estimate:
        """See `ways.Way`. The time that DynamoDB takes for the export itself it does not tell before."""
        job = self._job
        read = history.estimate(job.client("dynamodb"), job.feed, job.units)
        return replace(read, hours=read.items / ROWS_A_SECOND / 3600)

    def run(self) -> Iterator[Progress]:
        """See `ways.Way`."""
        job = self._job
        run = runs.begin(job.connection, job.feed, _WAY)
        arn = run.detail or self._request(run.token)
        described = yield from self._wait(arn)
        check_live(job, described["ExportTime"])
        files = self._files(described)
        parts = self._parts(len(files))
        for part, file in zip(parts, files, strict=True):
            if not part.is_done:
                yield from self._import(part, file, described["S3Bucket"], run.token)
        runs.finish(job.connection, job.feed, run.token)

    def forget(self) -> None:
        """See `ways.Way`. The export's files stay where they are, for the bucket's own rules to end."""
        runs.forget(self._job.connection, self._job.feed)

    def compare(self) -> Comparison:
        """See `ways.Way`. The source is the export: what changed after it is in motion."""
        job = self._job
        query = "SELECT detail, reading FROM sluice_feeds.import_run WHERE feed = %s AND way = %s"
        found = job.connection.execute(query, (job.feed.feed, _WAY)).fetchone()
        if found is None or found[0] is None:
            raise Refused(f"there is no import of {job.feed.feed} by an export", hint="Import it first.")
        if found[1] is None:
            what = f"the export of {job.feed.feed} was begun by an earlier version, which did not say before which rows"
            raise Refused(what, hint="Import it anew.")
        described = job.client("dynamodb").describe_export(ExportArn=found[0])["ExportDescription"]
        bucket = described["S3Bucket"]
        pages = (page for file in self._files(described) for page in self._pages(file, bucket))
        return compare(job.connection, job.feed, job.decoder, pages, reading=found[1], sleep=job.sleep)

    def _request(self, token: str) -> str:
        """The ARN of the import's export, asked for once: with the token DynamoDB knows a repetition."""
        job = self._job
        if job.bucket is None:
            raise Misconfigured("an export needs a bucket", hint="Say which.")
        check_live(job, job.clock())
        dynamodb = job.client("dynamodb")
        table = dynamodb.describe_table(TableName=job.feed.source.table)["Table"]
        try:
            answer = dynamodb.export_table_to_point_in_time(
                TableArn=table["TableArn"],
                S3Bucket=job.bucket,
                S3Prefix=job.prefix,
                ClientToken=token,
                ExportFormat="DYNAMODB_JSON",
                **({"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": job.key} if job.key else {}),
            )
        except dynamodb.exceptions.PointInTimeRecoveryUnavailableException:
            raise Refused(
                f"point-in-time recovery of {job.feed.source.table} is off, without which DynamoDB exports no table",
                hint="Whoever owns the table turns it on; or import another way, anew.",
            ) from None
        arn: str = answer["ExportDescription"]["ExportArn"]
        runs.note(job.connection, job.feed, token, arn)
        return arn

    def _wait(self, arn: str) -> Generator[Progress, None, Mapping[str, Any]]:
        job = self._job
        while True:
            described: Mapping[str, Any] = job.client("dynamodb").describe_export(ExportArn=arn)["ExportDescription"]
            if described["ExportStatus"] == "COMPLETED":
                return described
            if described["ExportStatus"] == "FAILED":
                raise Refused(
                    f"the export failed: {described.get('FailureCode')} {described.get('FailureMessage', '')}",
                    hint=f"Forget the import and begin anew. {_NEEDED}",
                )
            yield Progress("DynamoDB exports the table", 0, 0, 1)
            job.sleep(_ASK_AGAIN_S)

    def _files(self, described: Mapping[str, Any]) -> Sequence[DataFile]:
        """The files that the manifests name. `Broken` where a manifest is not whole."""
        bucket, prefix = described["S3Bucket"], described.get("S3Prefix") or ""
        summary = json.loads(self._checked(bucket, described["ExportManifest"]))
        if summary["outputFormat"] != "DYNAMODB_JSON" or summary.get("exportType", "FULL_EXPORT") != "FULL_EXPORT":
            raise Refused("the export is no full one in DYNAMODB_JSON", hint="Export the table so.")
        lines = self._checked(bucket, _key(prefix, summary["manifestFilesS3Key"])).splitlines()
        files = [
            DataFile(_key(prefix, told["dataFileS3Key"]), int(told["itemCount"]), told["md5Checksum"])
            for told in map(json.loads, filter(None, lines))
        ]
        if sum(file.items for file in files) != int(summary["itemCount"]):
            raise Broken("the manifests of the export do not agree on how many items it has")
        return files

    def _checked(self, bucket: str, key: str) -> str:
        s3 = self._job.client("s3")
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        checksum = s3.get_object(Bucket=bucket, Key=f"{key.removesuffix('.json')}.checksum")["Body"].read()
        if _base64(hashlib.md5(body, usedforsecurity=False)) != checksum.decode().strip():
            raise Broken(f"s3://{bucket}/{key} is not what its checksum says")
        return body.decode()

    def _parts(self, count: int) -> list[Segment]:
        begun = {part.number: part for part in history.segments_of(self._job.connection, self._job.feed)}
        return [replace(begun.get(number, Segment(number, count)), of=count) for number in range(count)]

    def _import(self, part: Segment, file: DataFile, bucket: str, token: str) -> Iterator[Progress]:
        """Import a file, from the item on that the part had reached: `items` of it are written."""
        job, writer, seen = self._job, Writer(self._job.feed), 0
        for page in self._pages(file, bucket):
            seen += len(page)
            if seen <= part.items:
                continue
            part = replace(part, items=seen)
            with job.connection.transaction():
                decode = job.decoder(versions_of(job.connection, job.feed)).of_item
                writer.write(job.connection, map(decode, page))
                history.keep(job.connection, job.feed, part, token)
            yield progress(job, "reading the export")
        history.keep(job.connection, job.feed, replace(part, is_done=True), token)

    def _pages(self, file: DataFile, bucket: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """A file's items; `Broken` at its end if it is not what the manifest says."""
        body, count = _Digested(self._job.client("s3").get_object(Bucket=bucket, Key=file.key)["Body"]), 0
        try:
            with gzip.open(cast(IO[bytes], body)) as lines:
                while chunk := list(itertools.islice(lines, _BATCH)):
                    page = [json.loads(line)["Item"] for line in chunk]
                    count += len(page)
                    yield page
            is_whole = count == file.items and body.digest() == file.md5
        except (gzip.BadGzipFile, zlib.error, EOFError, ValueError, KeyError):
            # What the error quotes may be of an item.
            is_whole = False
        if not is_whole:
            raise Broken(
                f"s3://{bucket}/{file.key} is not the file that the export wrote",
                hint="Rows that it had are written. Forget the import and export the table anew.",
            )


class _Digested:
    """A stream of bytes, with the digest of all that it has."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._md5 = hashlib.md5(usedforsecurity=False)

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._body.read(size if size >= 0 else None)
        self._md5.update(data)
        return data

    def digest(self) -> str:
        while self.read(1 << 16):
            pass
        return _base64(self._md5)


def _base64(digest: Any) -> str:
    return base64.b64encode(digest.digest()).decode()


def _key(prefix: str, key: str) -> str:
    """The whole key of a file: AWS's examples leave the prefix out of the manifests, and its files have it."""
    return key if not prefix or key.startswith(f"{prefix}/") else f"{prefix}/{key}"
