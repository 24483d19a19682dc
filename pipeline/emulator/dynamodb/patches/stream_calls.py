"""The operations of DynamoDB Streams, in place of moto's, which know one shard without an end."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime, timedelta
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

from pipeline.emulator.dynamodb import streams
from pipeline.emulator.dynamodb.patches.calls import changed
from pipeline.emulator.dynamodb.patches.streams import stream_of
from pipeline.emulator.dynamodb.streams import Shard
from pipeline.emulator.moto.patch import patch

ITERATOR_LASTS = timedelta(minutes=15)
_HANDLER = "moto.dynamodbstreams.responses:DynamoDBStreamsHandler"
_MOST_RECORDS = 1000
_MOST_BYTES = 1 << 20
_MOST_LISTED = 100
_TYPES = ("TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")


def _error(kind: str, message: str) -> JsonRESTError:
    return JsonRESTError(kind, message)


def _found(arn: str) -> Any:
    stream = stream_of(arn)
    if stream is None:
        raise _error("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")
    return stream


def _shard(arn: str, shard_id: str) -> Shard:
    try:
        return _found(arn).stream.shards()[shard_id]  # type: ignore[no-any-return]
    except KeyError:
        raise _error("ResourceNotFoundException", "Requested resource not found: Shard does not exist") from None


def _trimmed() -> JsonRESTError:
    return _error("TrimmedDataAccessException", "The data you are trying to access has been trimmed")


@patch(f"{_HANDLER}.describe_stream", "5a5c2a0a7cbb", "moto tells of one shard, whatever was asked")
def _describe_stream(self: Any) -> ActionResult:
    arn = self._get_param("StreamArn")
    with changed:
        stream = _found(arn)
        shards = list(stream.stream.shards().values())
        is_on = stream.table.stream_shard is stream and stream.table.stream_specification["StreamEnabled"]
    if (wanted := self._get_param("ShardFilter")) and wanted.get("Type") == "CHILD_SHARDS":
        shards = [shard for shard in shards if shard.parent == wanted.get("ShardId")]
    listed, last = _page(shards, self._get_param("ExclusiveStartShardId"), self._get_param("Limit"), lambda s: s.id)
    description = {
        "StreamArn": arn,
        "StreamLabel": arn.rpartition("/")[2],
        "StreamStatus": "ENABLED" if is_on else "DISABLED",
        "StreamViewType": stream.view,
        "CreationRequestDateTime": stream.created_on,
        "TableName": stream.table.name,
        "KeySchema": stream.table.schema,
        "Shards": [shard.to_json() for shard in listed],
    }
    return ActionResult({"StreamDescription": {**description, **({"LastEvaluatedShardId": last} if last else {})}})


@patch(f"{_HANDLER}.list_streams", "b5b37a6ddc5f", "moto lists the newest stream of each table, all at once")
def _list_streams(self: Any) -> ActionResult:
    table_name = self._get_param("TableName")
    found = [
        {"StreamArn": f"{table.table_arn}/stream/{label}", "TableName": table.name, "StreamLabel": label}
        for table in list(self.backend.dynamodb.tables.values())
        if table_name in (None, table.name)
        for label in getattr(table, "streams", {})
    ]
    start, limit = self._get_param("ExclusiveStartStreamArn"), self._get_param("Limit")
    listed, last = _page(found, start, limit, lambda each: each["StreamArn"])
    return ActionResult({"Streams": listed, **({"LastEvaluatedStreamArn": last} if last else {})})


def _page(found: list[Any], start: str | None, limit: int | None, name: Any) -> tuple[list[Any], str | None]:
    names = [name(each) for each in found]
    first = names.index(start) + 1 if start in names else 0
    end = first + min(limit or _MOST_LISTED, _MOST_LISTED)
    return found[first:end], names[end - 1] if end < len(found) else None


@patch(f"{_HANDLER}.get_shard_iterator", "5e6e4a9b3b63", "moto fails at a shard or a sequence that is not there")
def _get_shard_iterator(self: Any) -> ActionResult:
    arn, shard_id, kind = (self._get_param(name) for name in ("StreamArn", "ShardId", "ShardIteratorType"))
    if kind not in _TYPES:
        raise _error("ValidationException", f"ShardIteratorType must be one of {', '.join(_TYPES)}")
    with changed:
        stream, shard = _found(arn).stream, _shard(arn, shard_id)
        if kind == "TRIM_HORIZON":
            position = shard.horizon
        elif kind == "LATEST":
            position = stream.next_sequence if shard.end is None else shard.end + 1
        else:
            position = _position(shard, stream.next_sequence, self._get_param("SequenceNumber"), kind)
    return ActionResult({"ShardIterator": _iterator(arn, shard.id, position)})


def _position(shard: Shard, next_sequence: int, sequence: str | None, kind: str) -> int:
    if not (sequence and str(sequence).isdecimal()):
        raise _error("ValidationException", f"{kind} needs the SequenceNumber of a record")
    number = int(sequence)
    last = shard.end if shard.end is not None else next_sequence - 1
    if not shard.start <= number <= max(last, shard.start):
        raise _error("ValidationException", "Invalid SequenceNumber: it is not of this shard")
    if number < shard.horizon:
        raise _trimmed()
    return number + 1 if kind == "AFTER_SEQUENCE_NUMBER" else number


@patch(f"{_HANDLER}.get_records", "eca5821a96bd", "moto's iterators neither expire nor end, and are all kept")
def _get_records(self: Any) -> ActionResult:
    arn, shard_id, position = _read(self._get_param("ShardIterator") or "")
    limit = self._get_param("Limit")
    if limit is not None and not 1 <= limit <= _MOST_RECORDS:
        raise _error("ValidationException", f"Limit must be between 1 and {_MOST_RECORDS}")
    records, size = list[dict[str, Any]](), 0
    with changed:
        shard = _shard(arn, shard_id)
        if position < shard.horizon:
            raise _trimmed()
        for entry in shard.after(position):
            size += entry.record.record["dynamodb"]["SizeBytes"]
            if len(records) == (limit or _MOST_RECORDS) or (records and size > _MOST_BYTES):
                break
            records.append(entry.record.to_json())
            position = entry.sequence + 1
        is_done = shard.end is not None and next(shard.after(position), None) is None
    following = {} if is_done else {"NextShardIterator": _iterator(arn, shard_id, position)}
    return ActionResult({"Records": records, **following})


def _iterator(arn: str, shard_id: str, position: int) -> str:
    """All that it stands for, so that nothing of it has to be kept."""
    text = json.dumps([shard_id, position, streams.clock().isoformat()])
    return f"{arn}|1|{base64.b64encode(text.encode()).decode()}"


def _read(iterator: str) -> tuple[str, str, int]:
    try:
        arn, _, text = iterator.split("|")
        shard_id, position, made = json.loads(base64.b64decode(text, validate=True))
        age = streams.clock() - datetime.fromisoformat(made)
    except (ValueError, binascii.Error):
        raise _error("ValidationException", "Invalid ShardIterator") from None
    if age > ITERATOR_LASTS:
        raise _error("ExpiredIteratorException", "The provided iterator exceeds the maximum age allowed.")
    return arn, shard_id, int(position)
