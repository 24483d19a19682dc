"""What a message of a source's queue announces. Pure: certificates are fetched by whoever gives `verify`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.clock import epoch_ms, parse_iso
from pipeline.core.errors import BadInput
from pipeline.core.events import s3
from pipeline.core.objects import SEQUENCER_WIDTH, ObjectVersion

KEY_BYTES = 1024
"""The longest key of S3, in bytes of UTF-8."""

Verify = Callable[[Mapping[str, Any]], None]
"""Raises `BadInput` for a message of SNS that SNS did not sign."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A file that is there. `version` is None where the announcement does not pin one.

    `order` decides which of two files of the same times is newer: it is compared as text. `variable` and `model` are
    None where the announcement does not say them.
    """

    bucket: str
    key: str
    version: str | None
    announced_ms: int
    order: str
    variable: str | None = None
    model: str | None = None

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"


def read(body: str, form: str, bucket: str, topic: str, verify: Verify | None) -> list[Announcement]:
    """The announcements in one message, which may be none: S3 tells of deletions and tests, too.

    With `verify` only what SNS signed for `topic` is taken; without, the message has come raw and its queue takes it
    from nobody else. `BadInput` for what is malformed, forged or of a foreign topic or bucket.
    """
    message = _object(body, "the message")
    if message.get("Type") == "Notification" and "TopicArn" in message:
        if message["TopicArn"] != topic:
            raise BadInput(
                f"an announcement of the topic {str(message['TopicArn'])[:200]}, and the source's is {topic}"
            )
        if verify is not None:
            verify(message)
        text = message.get("Message")
        if not isinstance(text, str):
            raise BadInput("the message of SNS has no text in `Message`")
    elif verify is not None:
        raise BadInput("the announcement is not signed: it did not come through SNS as it was sent")
    else:
        text = body
    found = _READERS[form](text)
    for each in found:
        if each.bucket != bucket:
            raise BadInput(f"announces a file of the bucket {each.bucket}, and the source's is {bucket}")
    return found


def _met_office_json(text: str) -> list[Announcement]:
    """The Met Office's own JSON, a file a message: its key is a digest, so it has no other version."""
    message = _object(text, "the announcement")
    try:
        created = epoch_ms(parse_iso(_text(message, "created_time")))
    except (ValueError, OverflowError):
        raise BadInput(f"created_time is no time: {str(message.get('created_time'))[:100]!r}") from None
    return [
        Announcement(
            bucket=_text(message, "bucket"),
            key=_text(message, "key"),
            version=None,
            announced_ms=created,
            order=order_of(created, None),
            variable=_text(message, "name"),
            model=_text(message, "model"),
        )
    ]


def _s3_event(text: str) -> list[Announcement]:
    """S3's events; deletions, and what has no meaning here, announce nothing."""
    return [
        Announcement(
            bucket=event.object.bucket,
            key=event.object.key,
            version=_pinned(event.object),
            announced_ms=event.event_ms,
            order=order_of(event.event_ms, event.sequencer),
        )
        for event in s3.parse(text)
        if isinstance(event, s3.ObjectCreated) and not event.object.key.endswith("/")
    ]


_READERS: Mapping[str, Callable[[str], list[Announcement]]] = {
    "met-office-json": _met_office_json,
    "s3-event": _s3_event,
}


def order_of(announced_ms: int, sequencer: str | None) -> str:
    """Text that sorts as files were made; of one moment the sequencer decides, padded as S3 says to compare it."""
    return f"{announced_ms:013d}|{(sequencer or '').upper().ljust(SEQUENCER_WIDTH, '0')}"


def _pinned(obj: ObjectVersion) -> str | None:
    return None if obj.version_id == "null" else obj.version_id


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{what} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadInput(f"{what} is a JSON {type(found).__name__}, not an object")
    return found


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not 0 < len(value.encode("utf-8", "replace")) <= KEY_BYTES:
        raise BadInput(f"the announcement's {name} is {'missing' if value is None else f'not valid: {value!r:.100}'}")
    return value
