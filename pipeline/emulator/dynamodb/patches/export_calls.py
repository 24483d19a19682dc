"""Exports of tables to S3, in place of moto's, which write one file and no manifest."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

from pipeline.core.clock import system_clock
from pipeline.emulator.dynamodb import exports
from pipeline.emulator.dynamodb.exports import Exported
from pipeline.emulator.dynamodb.patches.calls import changed
from pipeline.emulator.moto.patch import patch

_HANDLER = "moto.dynamodb.responses:DynamoHandler"
_AS_NOW = timedelta(seconds=1)
"""A moment of the past that is told from the present: requests say whole seconds."""
_MOST_LISTED = 25


@dataclass
class _Export:
    """An export that runs or has ended, as DescribeExport tells of it."""

    what: Exported
    token: str | None
    told: dict[str, Any] = field(default_factory=dict)


_REASON = "moto writes one file and no manifest"


@patch(f"{_HANDLER}.export_table_to_point_in_time", "295ed9579d35", _REASON)
def _export(self: Any) -> ActionResult:
    body = self.body
    _check(body)
    with changed:
        table = next((t for t in self.dynamodb_backend.tables.values() if t.table_arn == body["TableArn"]), None)
        if table is None:
            raise _error("TableNotFoundException", f"Table not found: {body['TableArn']}")
        recovery = table.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        if recovery != "ENABLED":
            raise _error(
                "PointInTimeRecoveryUnavailableException",
                f"Point in time recovery is not enabled for table '{table.name}'",
            )
        known = self.dynamodb_backend.table_exports
        for each in known.values():
            if body.get("ClientToken") and each.token == body["ClientToken"]:
                return _described(each)
        found = _Export(_what(body, table), body.get("ClientToken"), {"ExportStatus": "IN_PROGRESS"})
        known[found.what.arn] = found
        # An item is never changed where it lies: this is the table at this moment.
        items = list(table.all_items())
    bucket = _bucket(self.current_account, table.region_name, body["S3Bucket"])
    threading.Thread(target=_write, args=(found, items, bucket), name="dynamodb-export", daemon=True).start()
    return _described(found)


def _check(body: dict[str, Any]) -> None:
    if body.get("ExportFormat", "DYNAMODB_JSON") != "DYNAMODB_JSON":
        raise _error("ValidationException", "The embedded AWS exports tables as DYNAMODB_JSON only.")
    if body.get("ExportType", "FULL_EXPORT") != "FULL_EXPORT":
        raise _error("ValidationException", "The embedded AWS makes full exports only: its tables keep no past.")
    moment: datetime | None = body.get("ExportTime")
    if moment is not None and moment.astimezone(UTC) < system_clock() - _AS_NOW:
        raise _error(
            "InvalidExportTimeException", "The embedded AWS exports the present only: its tables keep no past."
        )


def _what(body: dict[str, Any], table: Any) -> Exported:
    now = system_clock()
    arn = f"{table.table_arn}/export/{exports.export_id(now)}"
    prefix = (body.get("S3Prefix") or "").strip("/")
    # moto gives tables no id.
    return Exported(arn, table.table_arn, getattr(table, "id", ""), body["S3Bucket"], prefix, now)


def _bucket(account: str, region: str, name: str) -> Any | None:
    from moto.s3.models import s3_backends
    from moto.utilities.utils import get_partition

    backend = s3_backends[account][get_partition(region)]
    return (backend, name) if name in backend.buckets else None


def _write(export: _Export, items: list[Any], bucket: Any | None) -> None:
    told = export.told
    if bucket is None:
        told |= {"FailureCode": "S3NoSuchBucket", "FailureMessage": "The specified bucket does not exist"}
        told |= {"EndTime": system_clock(), "ExportStatus": "FAILED"}
        return
    backend, name = bucket
    try:
        backend.put_object(name, f"{export.what.folder}/_started", b"")
        found = ((item.hash_key.to_json(), item.to_json()["Attributes"]) for item in items)
        size = 0
        for file in exports.files(export.what, found, system_clock()):
            backend.put_object(name, file.key, file.body)
            size += len(file.body)
        told |= {"ItemCount": len(items), "BilledSizeBytes": size, "ExportManifest": exports.summary_key(export.what)}
        told |= {"EndTime": system_clock(), "ExportStatus": "COMPLETED"}
    except Exception as error:
        told |= {"FailureCode": "InternalServerError", "FailureMessage": str(error)}
        told |= {"EndTime": system_clock(), "ExportStatus": "FAILED"}


@patch(f"{_HANDLER}.describe_export", "25e13352f8d2", _REASON)
def _describe_export(self: Any) -> ActionResult:
    found = self.dynamodb_backend.table_exports.get(self.body["ExportArn"])
    if found is None:
        raise _error("ExportNotFoundException", f"Export not found: {self.body['ExportArn']}")
    return _described(found)


@patch(f"{_HANDLER}.list_exports", "1a6d340c85cb", _REASON)
def _list_exports(self: Any) -> ActionResult:
    table_arn, start = self.body.get("TableArn"), self.body.get("NextToken")
    found = [each for each in self.dynamodb_backend.table_exports.values() if table_arn in (None, each.what.table_arn)]
    arns = [each.what.arn for each in found]
    first = arns.index(start) + 1 if start in arns else 0
    end = first + min(self.body.get("MaxResults") or _MOST_LISTED, _MOST_LISTED)
    listed = [
        {"ExportArn": each.what.arn, "ExportStatus": each.told["ExportStatus"], "ExportType": "FULL_EXPORT"}
        for each in found[first:end]
    ]
    return ActionResult({"ExportSummaries": listed, **({"NextToken": arns[end - 1]} if end < len(found) else {})})


def _described(export: _Export) -> ActionResult:
    what = export.what
    description = {
        "ExportArn": what.arn,
        "TableArn": what.table_arn,
        "StartTime": what.time,
        "ExportTime": what.time,
        "S3Bucket": what.bucket,
        "S3Prefix": what.prefix or None,
        "ClientToken": export.token,
        "S3SseAlgorithm": "AES256",
        "ExportFormat": "DYNAMODB_JSON",
        "ExportType": "FULL_EXPORT",
        **export.told,
    }
    return ActionResult(
        {"ExportDescription": {name: value for name, value in description.items() if value is not None}}
    )


def _error(kind: str, message: str) -> JsonRESTError:
    return JsonRESTError(kind, message)
