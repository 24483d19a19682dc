"""The files of an export to S3 as DynamoDB writes them. No moto here.

The layout is that of the Developer Guide, "DynamoDB table export output format".
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.core.clock import epoch_ms, iso
from pipeline.emulator.dynamodb.streams import place_of

PARTITIONS = 4
"""Data files of an export: one a partition, and an empty one for an empty partition."""

_PARTITION_KEYS = 2**64 // PARTITIONS


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export is of, and where its files go."""

    arn: str
    table_arn: str
    table_id: str
    bucket: str
    prefix: str
    time: datetime

    @property
    def folder(self) -> str:
        """The key that all its files' keys begin with."""
        start = f"{self.prefix}/" if self.prefix else ""
        return f"{start}AWSDynamoDB/{self.arn.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True)
class File:
    """A file of an export."""

    key: str
    body: bytes


def export_id(moment: datetime) -> str:
    """A new export's name: 14 digits of its time, and 8 random ones."""
    return f"{epoch_ms(moment):014}-{secrets.token_hex(4)}"


def files(export: Exported, items: Iterable[tuple[Any, Mapping[str, Any]]], ended: datetime) -> Iterator[File]:
    """The files of an export of items, each with its partition key; the summary comes last."""
    parts = _partitions(items)
    listed, count, size = [], 0, 0
    for part in parts:
        body = gzip.compress("".join(part).encode(), mtime=0)
        key = f"{export.folder}/data/{secrets.token_hex(13)}.json.gz"
        yield File(key, body)
        listed.append(
            {
                "itemCount": len(part),
                "md5Checksum": _md5(body),
                "etag": hashlib.md5(body, usedforsecurity=False).hexdigest(),
                "dataFileS3Key": key,
            }
        )
        count, size = count + len(part), size + sum(map(len, part))
    manifest = "".join(f"{json.dumps(each)}\n" for each in listed)
    yield from _with_checksum(f"{export.folder}/manifest-files", manifest)
    yield from _with_checksum(f"{export.folder}/manifest-summary", _summary(export, ended, count, size))


def summary_key(export: Exported) -> str:
    """The key of the summary: what DescribeExport calls the manifest."""
    return f"{export.folder}/manifest-summary.json"


def _partitions(items: Iterable[tuple[Any, Mapping[str, Any]]]) -> Sequence[Sequence[str]]:
    found: list[list[str]] = [[] for _ in range(PARTITIONS)]
    for key, item in items:
        line = json.dumps({"Item": item}, separators=(",", ":"), ensure_ascii=False, default=_binary)
        found[place_of(key) // _PARTITION_KEYS].append(f"{line}\n")
    return found


def _binary(value: Any) -> str:
    """A binary value, which moto keeps as bytes."""
    return base64.b64encode(value).decode()


def _summary(export: Exported, ended: datetime, count: int, size: int) -> str:
    return json.dumps(
        {
            "version": "2020-06-30",
            "exportArn": export.arn,
            "startTime": iso(export.time),
            "endTime": iso(ended),
            "tableArn": export.table_arn,
            "tableId": export.table_id,
            "exportTime": iso(export.time),
            "s3Bucket": export.bucket,
            "s3Prefix": export.prefix or None,
            "s3SseAlgorithm": "AES256",
            "s3SseKmsKeyId": None,
            "manifestFilesS3Key": f"{export.folder}/manifest-files.json",
            "billedSizeBytes": size,
            "itemCount": count,
            "outputFormat": "DYNAMODB_JSON",
            "exportType": "FULL_EXPORT",
        }
    )


def _with_checksum(path: str, text: str) -> Iterator[File]:
    body = text.encode()
    yield File(f"{path}.json", body)
    yield File(f"{path}.checksum", _md5(body).encode())


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
