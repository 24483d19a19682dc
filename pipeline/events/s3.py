"""S3 events in every form that reaches a queue: S3's own notification, wrapped by SNS, and EventBridge's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from pipeline.clock import epoch_ms, parse_iso
from pipeline.errors import BadInput
from pipeline.objects import ObjectVersion


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """A version appeared. `event_ms` is the event's time; `sequencer` orders versions of one key only."""

    object: ObjectVersion
    size: int
    etag: str
    event_ms: int
    sequencer: str | None


@dataclass(frozen=True, slots=True)
class ObjectDeleted:
    """A delete marker became a key's newest version."""

    object: ObjectVersion
    event_ms: int
    sequencer: str | None


@dataclass(frozen=True, slots=True)
class SendAgain:
    """Sluice's own message: send an object version through Stage A as `generation` (PROTOCOL, Stage A 1)."""

    object: ObjectVersion
    generation: int

    def to_json(self) -> str:
        o = self.object
        body = {"bucket": o.bucket, "key": o.key, "version_id": o.version_id, "generation": self.generation}
        return json.dumps({"sluice": {"send_again": body}}, sort_keys=True)


RawEvent = ObjectCreated | ObjectDeleted | SendAgain


def parse(body: str) -> list[RawEvent]:
    """What one queue message tells of the raw bucket. A test event, and news that mean nothing here, give [].

    `BadInput` says why a body is none of the known forms.
    """
    try:
        message = json.loads(body)
    except ValueError as error:
        raise BadInput(f"the message is not JSON: {error}", hint="Only S3 may write to this queue.") from None
    if not isinstance(message, dict):
        raise BadInput(f"the message is a JSON {type(message).__name__}, not an object")
    try:
        return _of(message)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"an S3 event lacks or garbles a field: {error!r}") from None


def _of(message: dict[str, Any]) -> list[RawEvent]:
    if message.get("Type") == "Notification" and "TopicArn" in message:
        return parse(message["Message"])
    if message.get("Event") == "s3:TestEvent":
        return []
    if "sluice" in message:
        return [_send_again(message["sluice"]["send_again"])]
    if "Records" in message:
        return [event for record in message["Records"] for event in _of_record(record)]
    if message.get("source") == "aws.s3":
        return _of_eventbridge(message)
    raise BadInput(f"not an S3 event: it has {sorted(message)[:8]}")


def _send_again(body: dict[str, Any]) -> SendAgain:
    obj = ObjectVersion(body["bucket"], body["key"], body["version_id"])
    return SendAgain(obj, int(body["generation"]))


def _of_record(record: dict[str, Any]) -> list[RawEvent]:
    name, s3 = record["eventName"], record["s3"]
    found = s3["object"]
    # S3 encodes keys as a form does; decoded once, and only here: `a+b` arrives as `a%2Bb`.
    obj = ObjectVersion(s3["bucket"]["name"], unquote_plus(found["key"]), found.get("versionId") or "null")
    at = epoch_ms(parse_iso(record["eventTime"]))
    if name.startswith("ObjectCreated:"):
        return [ObjectCreated(obj, int(found.get("size", 0)), found.get("eTag", ""), at, found.get("sequencer"))]
    if name == "ObjectRemoved:DeleteMarkerCreated":
        return [ObjectDeleted(obj, at, found.get("sequencer"))]
    return []


def _of_eventbridge(message: dict[str, Any]) -> list[RawEvent]:
    detail = message["detail"]
    found = detail["object"]
    # EventBridge does not encode keys.
    obj = ObjectVersion(detail["bucket"]["name"], found["key"], found.get("version-id") or "null")
    at, sequencer = epoch_ms(parse_iso(message["time"])), found.get("sequencer")
    if message["detail-type"] == "Object Created":
        return [ObjectCreated(obj, int(found.get("size", 0)), found.get("etag", ""), at, sequencer)]
    if message["detail-type"] == "Object Deleted" and detail.get("deletion-type") == "Delete Marker Created":
        return [ObjectDeleted(obj, at, sequencer)]
    return []
