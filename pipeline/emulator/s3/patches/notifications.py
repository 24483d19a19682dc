"""What changed in a bucket, told to one listener; what to make of it is `pipeline.emulator.s3.events`.

moto sends an incomplete event within the caller's request, two for a multipart upload, none for versioned deletes, and
drops it when the target fails.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.core.clock import iso
from pipeline.emulator.moto.patch import patch


@dataclass(frozen=True, slots=True)
class Target:
    """An entry of the bucket's notification configuration that the change matches."""

    id: str
    arn: str


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One event. `event` is S3's name with `s3:`; `key` is not encoded; what a kind of event lacks is None."""

    event: str
    account: str
    partition: str
    region: str
    bucket: str
    key: str
    version_id: str | None
    etag: str | None
    size: int | None
    sequencer: str
    time: datetime
    targets: tuple[Target, ...]
    to_event_bridge: bool


Listener = Callable[[ObjectChange], None]

listener: Listener | None = None

_EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"
_REMOVED = "s3:ObjectRemoved:Delete"
_MARKED = "s3:ObjectRemoved:DeleteMarkerCreated"


class _Sequencer:
    """Hexadecimal numbers that only grow, across restarts too as long as the clock does not go back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> str:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return f"{self._last:018X}"


_sequencer = _Sequencer()


@patch("moto.s3.models:S3Backend.delete_object", "5c1677b52971", "moto tells of no delete in a versioned bucket")
def _delete_object(
    self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
) -> Any:
    bucket = self.get_bucket(bucket_name)
    existed = _exists(bucket, key_name, version_id)
    deleted, meta = _delete_object.original(self, bucket_name, key_name, version_id=version_id, bypass=bypass)
    if bucket.is_versioned and version_id is None and deleted:
        _tell(self.account_id, _MARKED, bucket, key_name, meta["version-id"], _EMPTY_ETAG, None)
    elif existed and deleted:
        _tell(self.account_id, _REMOVED, bucket, key_name, version_id, None, None)
    return deleted, meta


@patch(
    "moto.s3.models:FakeBucket.set_notification_configuration",
    "8c08be7129e0",
    "moto keeps a configuration that it refuses",
)
def _set_notification_configuration(self: Any, notification_config: Any) -> None:
    before = self.notification_configuration
    try:
        _set_notification_configuration.original(self, notification_config)
    except Exception:
        self.notification_configuration = before
        raise


def send(arn: str, body: str) -> None:
    """Put `body` on the queue or topic; raises when it is not there."""
    from moto.sns.models import sns_backends
    from moto.sqs.models import sqs_backends

    _, _, service, region, account, name = arn.split(":", 5)
    if service == "sqs":
        sqs_backends[account][region].send_message(queue_name=name, message_body=body)
    elif service == "sns":
        sns_backends[account][region].publish(arn=arn, message=body, subject="Amazon S3 Notification")
    else:
        raise ValueError(f"S3 does not notify {arn}")


def _exists(bucket: Any, key_name: str, version_id: str | None) -> bool:
    versions = bucket.keys.getlist(key_name, [])
    return bool(versions) and (version_id is None or any(str(v.version_id) == str(version_id) for v in versions))


@patch("moto.s3.notifications:send_event", "da8a7c7c6f2b", "moto sends an incomplete event within the call")
def _send_event(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
    """In moto's place, which calls it with the object already stored and its bucket locked."""
    event = str(getattr(event_name, "value", event_name))
    if event == _REMOVED:
        return  # told by delete_object, which knows the version
    if event == "s3:ObjectCreated:Put" and key.multipart is not None:
        return  # the completion of an upload tells of itself
    created = event.startswith("s3:ObjectCreated:")
    version = key.version_id if bucket.is_versioned else None
    _tell(account_id, event, bucket, key.name, version, key.etag.strip('"'), key.size if created else None)


def _tell(
    account: str, event: str, bucket: Any, key: str, version_id: str | None, etag: str | None, size: int | None
) -> None:
    configuration = bucket.notification_configuration
    if configuration is None or listener is None:
        return
    entries = [*configuration.queue, *configuration.topic, *configuration.cloud_function]
    targets = tuple(Target(entry.id, entry.arn) for entry in entries if entry.matches(event, key))
    to_event_bridge = configuration.event_bridge is not None
    if targets or to_event_bridge:
        listener(
            ObjectChange(
                event=event,
                account=account,
                partition=bucket.arn.split(":")[1],
                region=bucket.region_name,
                bucket=bucket.name,
                key=key,
                version_id=version_id,
                etag=etag,
                size=size,
                sequencer=_sequencer.next(),
                time=datetime.now(UTC),
                targets=targets,
                to_event_bridge=to_event_bridge,
            )
        )


@patch("moto.s3.notifications:send_test_event", "89bc68c5842c", "moto takes a target that is not there")
def _send_test_event(account_id: str, bucket: Any) -> None:
    """AWS sends one to each queue and topic, and refuses a configuration that names what is not there."""
    from moto.awslambda.models import lambda_backends
    from moto.s3.exceptions import S3ClientError

    event = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso(datetime.now(UTC)),
        "Bucket": bucket.name,
        "RequestId": uuid.uuid4().hex[:16].upper(),
        "HostId": uuid.uuid4().hex,
    }
    configuration = bucket.notification_configuration
    _refuse_overlaps([*configuration.queue, *configuration.topic, *configuration.cloud_function])
    for arn in {entry.arn for entry in [*configuration.queue, *configuration.topic, *configuration.cloud_function]}:
        try:
            if arn.split(":")[2] == "lambda":
                lambda_backends[account_id][bucket.region_name].get_function(arn)
            else:
                send(arn, json.dumps(event))
        except Exception as error:
            raise S3ClientError(
                "InvalidArgument", f"Unable to validate the following destination configurations: {arn}"
            ) from error


def _refuse_overlaps(entries: list[Any]) -> None:
    """AWS tells of one change once: two entries may not both be meant."""
    from moto.s3.exceptions import S3ClientError

    for one, other in itertools.combinations(entries, 2):
        events = itertools.product(one.events, other.events)
        if any(_both(*pair) for pair in events) and _nested(one, other, "prefix") and _nested(one, other, "suffix"):
            raise S3ClientError(
                "InvalidArgument",
                "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
            )


def _both(event: str, other: str) -> bool:
    """Whether there is an event that both names stand for: `s3:ObjectCreated:*` is all of its kind."""
    return event == other or (event.rpartition(":")[0] == other.rpartition(":")[0] and "*" in event[-1] + other[-1])


def _nested(one: Any, other: Any, which: str) -> bool:
    """Whether one key can pass the prefixes, or the suffixes, of both entries."""
    short, long = sorted((_rule(one, which), _rule(other, which)), key=len)
    return long.startswith(short) if which == "prefix" else long.endswith(short)


def _rule(entry: Any, which: str) -> str:
    rules = entry.filters.get("S3Key", {}).get("FilterRule", [])
    return next((str(rule["Value"]) for rule in rules if rule["Name"] == which), "")
