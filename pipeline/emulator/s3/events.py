"""S3's notifications as AWS sends them, to queues, topics, functions and EventBridge."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from pipeline.core.clock import iso
from pipeline.emulator.outbox import Outbox
from pipeline.emulator.s3.patches import notifications
from pipeline.emulator.s3.patches.notifications import ObjectChange

Publish = Callable[[dict[str, Any]], None]
Invoke = Callable[[str, str], None]

_DETAIL_TYPES = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl": "Object ACL Updated",
}


class S3Events:
    """Listens to moto's buckets and delivers; nothing is delivered when not started.

    `publish` puts an event on the default bus; `invoke` calls a function asynchronously.
    """

    def __init__(self, publish: Publish, invoke: Invoke) -> None:
        self._publish = publish
        self._invoke = invoke
        self._outbox = Outbox("s3-events")

    def start(self) -> None:
        """Begin to deliver notifications."""
        self._outbox.start()
        notifications.listener = self._changed

    def stop(self) -> None:
        """End, and leave what is not delivered."""
        notifications.listener = None
        self._outbox.stop()

    def _changed(self, change: ObjectChange) -> None:
        what = f"{change.event} of {change.bucket}/{change.key}"
        for target in change.targets:
            body = json.dumps({"Records": [record(change, target.id)]})
            self._outbox.put(f"{what} to {target.arn}", self._to(target.arn, body))
        if change.to_event_bridge:
            event = bridge_event(change)
            self._outbox.put(f"{what} to EventBridge", lambda: self._publish(event))

    def _to(self, arn: str, body: str) -> Callable[[], None]:
        if arn.split(":")[2] == "lambda":
            return lambda: self._invoke(arn, body)
        return lambda: notifications.send(arn, body)


def record(change: ObjectChange, configuration_id: str) -> dict[str, Any]:
    """One entry of `Records`, event structure 2.1.

    Source: "Event message structure" in the S3 user guide. Keys are URL-encoded, `/` is kept and a space is `+`.
    """
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": change.region,
        "eventTime": iso(change.time),
        "eventName": change.event.removeprefix("s3:"),
        "userIdentity": {"principalId": f"AWS:{change.account}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": uuid.uuid4().hex[:16].upper(), "x-amz-id-2": uuid.uuid4().hex},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": change.bucket,
                "ownerIdentity": {"principalId": change.account},
                "arn": f"arn:{change.partition}:s3:::{change.bucket}",
            },
            "object": _object(change),
        },
    }


def _object(change: ObjectChange) -> dict[str, Any]:
    found: dict[str, Any] = {"key": quote_plus(change.key, safe="/")}
    if change.size is not None:
        found["size"] = change.size
    if change.etag is not None:
        found["eTag"] = change.etag
    if change.version_id is not None:
        found["versionId"] = change.version_id
    return found | {"sequencer": change.sequencer}


def bridge_event(change: ObjectChange) -> dict[str, Any]:
    """The same change as EventBridge gets it: other names, and the key is not encoded."""
    category, _, reason = change.event.removeprefix("s3:").partition(":")
    found = {"key": change.key, "size": change.size, "etag": change.etag, "version-id": change.version_id}
    detail = {
        "version": "0",
        "bucket": {"name": change.bucket},
        "object": {k: v for k, v in found.items() if v is not None} | {"sequencer": change.sequencer},
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": change.account,
        "source-ip-address": "127.0.0.1",
    }
    if category == "ObjectCreated":
        detail["reason"] = {"Put": "PutObject", "Copy": "CopyObject", "Post": "POST Object"}.get(reason, reason)
    elif category == "ObjectRemoved":
        detail["reason"] = "DeleteObject"
        detail["deletion-type"] = "Delete Marker Created" if reason == "DeleteMarkerCreated" else "Permanently Deleted"
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": _DETAIL_TYPES.get(f"{category}:{reason}") or _DETAIL_TYPES.get(category, category),
        "source": "aws.s3",
        "account": change.account,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": change.region,
        "resources": [f"arn:{change.partition}:s3:::{change.bucket}"],
        "detail": detail,
    }
