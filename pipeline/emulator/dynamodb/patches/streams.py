"""Streams of DynamoDB. moto's tell of writes that changed nothing, and twice of an update that makes an item."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.dynamodb.patches.calls import changed
from pipeline.emulator.moto.patch import patch


@patch("moto.dynamodb.models.table:StreamShard.add", "357dc6da267e", "moto tells of writes that changed nothing")
def _add_to_stream(self: Any, old: Any, new: Any) -> None:
    from moto.dynamodb.models.table import StreamRecord

    if old is not None and new is not None and old.to_json() == new.to_json():
        return
    with changed:
        view = self.table.stream_specification["StreamViewType"]
        event = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        number = len(self.items) + self.starting_sequence_number
        record = StreamRecord(self.table, view, event, old, new, number)
        record.record["awsRegion"] = self.table.region_name
        if event == "INSERT" and self.items and _inserts(self.items[-1], record):
            # moto's update puts an item with nothing but its key first.
            record.record["dynamodb"]["SequenceNumber"] = str(number - 1)
            self.items[-1] = record
        else:
            self.items.append(record)
        changed.notify_all()


def _inserts(last: Any, record: Any) -> bool:
    """Whether both insert one item: nothing removed it in between, so it is one insertion in two steps."""
    before, now = last.record, record.record
    return bool(before["eventName"] == "INSERT" and before["dynamodb"]["Keys"] == now["dynamodb"]["Keys"])
