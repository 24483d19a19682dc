"""What tables write to their streams. moto's have one shard that is never trimmed, tell of writes that changed nothing,
and twice of an update that makes an item."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.dynamodb import streams
from pipeline.emulator.dynamodb.patches.calls import changed
from pipeline.emulator.dynamodb.streams import Stream
from pipeline.emulator.moto.patch import patch


@patch("moto.dynamodb.models.table:StreamShard.__init__", "5b521e4bd51c", "moto's streams have one shard")
def _init(self: Any, account_id: str, table: Any) -> None:
    """What moto takes for the shard is the table's whole stream."""
    _init.original(self, account_id, table)
    # A table's sequence goes on: who keeps the newest of an item would not take what a new stream says.
    self.stream = Stream(table.stream_shard.stream.next_sequence if table.stream_shard else 0)
    self.view = table.stream_specification.get("StreamViewType")
    if not hasattr(table, "streams"):
        table.streams = {}
    table.streams[table.latest_stream_label] = self


@patch("moto.dynamodb.models.table:StreamShard.add", "357dc6da267e", "moto tells of writes that changed nothing")
def _add_to_stream(self: Any, old: Any, new: Any) -> None:
    from moto.dynamodb.models.table import StreamRecord

    if not self.table.stream_specification.get("StreamEnabled"):
        return
    if old is not None and new is not None and old.to_json() == new.to_json():
        return
    with changed:
        event = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        shard = self.stream.shard_for((new or old).hash_key.to_json())
        record = StreamRecord(self.table, self.view, event, old, new, self.stream.next_sequence)
        record.record["awsRegion"] = self.table.region_name
        record.record["dynamodb"]["ApproximateCreationDateTime"] = streams.clock().replace(tzinfo=None)
        if event == "INSERT" and shard.entries and _inserts(shard.entries[-1].record, record):
            # moto's update puts an item with nothing but its key first.
            record.record["dynamodb"]["SequenceNumber"] = str(shard.entries[-1].sequence)
            shard.entries[-1].record = record
        else:
            self.stream.append(shard, record)
        changed.notify_all()


@patch(
    "moto.dynamodb.models:DynamoDBBackend.update_table_streams",
    "4b36bdd96688",
    "moto makes no second stream, and leaves the first one open",
)
def _update_table_streams(self: Any, table: Any, stream_specification: dict[str, Any]) -> None:
    from moto.dynamodb.exceptions import StreamAlreadyEnabledException

    is_on = bool((table.stream_specification or {}).get("StreamEnabled"))
    if is_on and (stream_specification.get("StreamEnabled") or stream_specification.get("StreamViewType")):
        raise StreamAlreadyEnabledException
    with changed:
        if is_on:
            table.stream_shard.stream.close()
            changed.notify_all()
        table.set_stream_specification(stream_specification)


def _inserts(last: Any, record: Any) -> bool:
    """Whether both insert one item: nothing removed it in between, so it is one insertion in two steps."""
    before, now = last.record, record.record
    return bool(before["eventName"] == "INSERT" and before["dynamodb"]["Keys"] == now["dynamodb"]["Keys"])


def stream_of(arn: str) -> Any | None:
    """What moto has for the stream of an ARN; None if the table is gone or never had it."""
    from moto.dynamodb.models import dynamodb_backends

    try:
        region, account, path = arn.split(":", 5)[3:]
        _, table_name, _, label = path.split("/")
    except ValueError:
        return None
    table = dynamodb_backends[account][region].tables.get(table_name)
    return getattr(table, "streams", {}).get(label) if table is not None else None
