"""S3 events in every form that reaches a queue: S3's own notification, the same wrapped by SNS, and EventBridge's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from pipeline.core.clock import epoch_ms, parse_iso
from pipeline.core.errors import BadInput
from pipeline.core.objects import SEQUENCER_WIDTH, ObjectVersion

KEY_BYTES = 1024
"""The longest key and version id of S3, in bytes of UTF-8."""
_SEQUENCER = re.compile(rf"[0-9A-Fa-f]{{1,{SEQUENCER_WIDTH}}}")
_LAST_MS = 253_402_300_799_999
_LARGEST = 2**63
_GARBLED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""Errors that reading a malformed document raises."""


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """A version was created, at `event_ms` (ms since 1970). `sequencer` orders versions of one key only."""

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
        """The body of the message, which `parse` reads back."""
        o = self.object
        body = {"bucket": o.bucket, "key": o.key, "version_id": o.version_id, "generation": self.generation}
        return json.dumps({"sluice": {"send_again": body}}, sort_keys=True)


RawEvent = ObjectCreated | ObjectDeleted | SendAgain


def parse(body: str) -> list[RawEvent]:
    """The events in one queue message. A test event, and events that have no meaning here, give [].

    `BadInput` if the body has none of the known forms, with the reason.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the message is not JSON: {error}", hint="Only S3 may write to this queue.") from None
    if not isinstance(message, dict):
        raise BadInput(f"the message is a JSON {type(message).__name__}, not an object")
    try:
        return _of(message)
    except _GARBLED as error:
        raise BadInput(f"an S3 event has a missing or malformed field: {error!r}") from None


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
    obj = _object(body["bucket"], body["key"], body["version_id"])
    return SendAgain(obj, _number("generation", body["generation"]))


def _of_record(record: dict[str, Any]) -> list[RawEvent]:
    name, s3 = record["eventName"], record["s3"]
    described = s3["object"]
    # S3 form-encodes keys (`a+b` arrives as `a%2Bb`): decoded once, and only here.
    obj = _object(s3["bucket"]["name"], unquote_plus(described["key"]), described.get("versionId") or "null")
    at, sequencer = _moment(record["eventTime"]), _sequencer(described)
    if name.startswith("ObjectCreated:"):
        return [ObjectCreated(obj, _number("size", described.get("size", 0)), _text("eTag", described), at, sequencer)]
    if name == "ObjectRemoved:DeleteMarkerCreated":
        return [ObjectDeleted(obj, at, sequencer)]
    return []


def _of_eventbridge(message: dict[str, Any]) -> list[RawEvent]:
    detail = message["detail"]
    described = detail["object"]
    # EventBridge does not encode keys.
    obj = _object(detail["bucket"]["name"], described["key"], described.get("version-id") or "null")
    at, sequencer = _moment(message["time"]), _sequencer(described)
    if message["detail-type"] == "Object Created":
        return [ObjectCreated(obj, _number("size", described.get("size", 0)), _text("etag", described), at, sequencer)]
    if message["detail-type"] == "Object Deleted" and detail.get("deletion-type") == "Delete Marker Created":
        return [ObjectDeleted(obj, at, sequencer)]
    return []


def _object(bucket: Any, key: Any, version: Any) -> ObjectVersion:
    """`ValueError` for names that no object of S3 can have: empty, too long, or not encodable as UTF-8."""
    for name, text in (("bucket", bucket), ("key", key), ("version", version)):
        if not isinstance(text, str) or not 0 < len(text.encode()) <= KEY_BYTES:
            raise ValueError(f"the {name} is not valid: {text!r:.100}")
    return ObjectVersion(bucket, key, version)


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not 0 <= int(value) < _LARGEST:
        raise ValueError(f"the {name} is not valid: {value!r:.100}")
    return int(value)


def _text(name: str, described: dict[str, Any]) -> str:
    value = described.get(name, "")
    if not isinstance(value, str) or len(value.encode()) > KEY_BYTES:
        raise ValueError(f"the {name} is not a valid text: {value!r:.100}")
    return value


def _moment(text: str) -> int:
    """Milliseconds since 1970. Orders compare them as text of a fixed width, so times before 1970 are rejected."""
    moment = parse_iso(text)
    if moment.tzinfo is None or not 0 <= (milliseconds := epoch_ms(moment)) <= _LAST_MS:
        raise ValueError(f"the time is not after 1970, or has no zone: {text!r:.100}")
    return milliseconds


def _sequencer(described: dict[str, Any]) -> str | None:
    value = described.get("sequencer")
    if value is not None and not (isinstance(value, str) and _SEQUENCER.fullmatch(value)):
        raise ValueError(f"the sequencer is not valid: {value!r:.100}")
    return value
