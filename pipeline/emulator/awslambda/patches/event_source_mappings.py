"""Event source mappings in moto: kept for pollers of ours, and refused where those would not do as AWS does.

moto delivers inside SendMessage and PutItem, one record a call, deletes what the function reported as failed, and
knows no filters and no retries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import EventSourceMapping, LambdaBackend, LambdaFunction
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import Queue, sqs_backends

from pipeline.core.errors import BadDefinition
from pipeline.emulator.awslambda.destinations import OF_STREAMS, check_destination
from pipeline.emulator.awslambda.event_sources.filters import Filters
from pipeline.emulator.awslambda.event_sources.sources import QUEUE, STREAM, service_of
from pipeline.emulator.awslambda.event_sources.stream_position import StreamPosition
from pipeline.emulator.awslambda.patches.versions import invoked_arn
from pipeline.emulator.dynamodb.patches.streams import stream_of
from pipeline.emulator.moto.patch import patch

_MOST_LANES = 10
_NEVER = ("TumblingWindowInSeconds", "ProvisionedPollerConfig", "StartingPositionTimestamp")
_OF_STREAMS_ONLY = (
    "BisectBatchOnFunctionError", "DestinationConfig", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts",
    "ParallelizationFactor", "StartingPosition",
)  # fmt: skip


@patch(
    "moto.awslambda.models:LambdaBackend.create_event_source_mapping",
    "19f8125cabf7",
    "moto delivers inside SendMessage and PutItem",
)
def _create(self: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
    arn = str(spec.get("EventSourceArn", ""))
    _check(arn, spec)
    if _is_stream(arn) and spec.get("StartingPosition") not in ("TRIM_HORIZON", "LATEST"):
        raise InvalidParameterValueException("The StartingPosition of a stream must be TRIM_HORIZON or LATEST.")
    queue = sqs_backends[self.account_id][self.region_name].queues.get(arn.rpartition(":")[2])
    if queue is not None:
        _check_visibility(queue, self.get_function(str(spec.get("FunctionName", ""))))
    mapping: EventSourceMapping = _create.original(self, spec)
    if queue is not None:
        queue.lambda_event_source_mappings.pop(mapping.function_arn, None)
    if _is_stream(arn):
        table = dynamodb_backends[self.account_id][self.region_name].get_table(arn.split("/")[1])
        table.lambda_event_source_mappings.pop(mapping.function_arn, None)
        # Where the poller stands. It belongs to the mapping: one that is disabled goes on where it was.
        mapping.position = position = StreamPosition()  # type: ignore[attr-defined]
        if spec["StartingPosition"] == "LATEST" and (stream := stream_of(arn)) is not None:
            position.begin_at_latest(stream.stream)
    _aim(self, mapping, spec)
    return mapping


@patch(
    "moto.awslambda.models:LambdaBackend.update_event_source_mapping",
    "7ec08b40f6d0",
    "moto takes what no poller does, and follows an alias once",
)
def _update(self: LambdaBackend, uuid: str, spec: dict[str, Any]) -> EventSourceMapping | None:
    known = self._event_source_mappings.get(uuid)
    if known is not None:
        _check(known.event_source_arn, spec)
    mapping: EventSourceMapping | None = _update.original(self, uuid, spec)
    if mapping is not None and spec.get("FunctionName"):
        _aim(self, mapping, spec)
    return mapping


def _aim(backend: LambdaBackend, mapping: EventSourceMapping, spec: dict[str, Any]) -> None:
    """At what was named: an alias is followed to where it points at each batch, where moto looks once."""
    mapping.function_arn = mapping.function_name = invoked_arn(backend.get_function(spec["FunctionName"]))


@patch(
    "moto.awslambda.models:LambdaBackend.list_event_source_mappings",
    "7914b756d62f",
    "moto compares names and ARNs as texts",
)
def _list(self: LambdaBackend, event_source_arn: str, function_name: str) -> list[EventSourceMapping]:
    """moto compares the texts, so that a name finds no mapping that was made with the ARN."""
    wanted = invoked_arn(self.get_function(function_name)) if function_name else None
    return [
        mapping
        for mapping in list(self._event_source_mappings.values())
        if event_source_arn in (None, "", mapping.event_source_arn) and wanted in (None, mapping.function_arn)
    ]


def _is_stream(arn: str) -> bool:
    return service_of(arn) == STREAM


def _check(arn: str, spec: dict[str, Any]) -> None:
    """Refuse what the pollers do not do: accepted in silence, it would lose or hold back messages."""
    wrong = next(_wrong(arn, {name: value for name, value in spec.items() if value is not None}), None)
    if wrong is not None:
        raise InvalidParameterValueException(wrong)


def _wrong(arn: str, spec: dict[str, Any]) -> Iterator[str]:
    if arn and not _is_stream(arn) and (service_of(arn) != QUEUE or arn.endswith(".fifo")):
        yield f"The embedded AWS polls standard SQS queues and DynamoDB streams only, not {arn}."
    for name in _NEVER:
        if spec.get(name):
            yield f"The embedded AWS does not honour {name} of an event source."
    try:
        Filters(spec.get("FilterCriteria"))
    except BadDefinition as error:
        yield f"Invalid filter pattern definition. {error.message}"
    yield from _wrong_for_stream(spec) if _is_stream(arn) else _wrong_for_queue(spec)


def _wrong_for_queue(spec: dict[str, Any]) -> Iterator[str]:
    for name in _OF_STREAMS_ONLY:
        if name in spec:
            yield f"{name} is not a setting of an SQS event source."
    concurrency = (spec.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency is not None and not 2 <= concurrency <= 1000:
        yield "MaximumConcurrency must be between 2 and 1000."
    if spec.get("BatchSize", 0) > 10 and spec.get("MaximumBatchingWindowInSeconds") == 0:
        yield "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"


def _wrong_for_stream(spec: dict[str, Any]) -> Iterator[str]:
    if spec.get("ScalingConfig"):
        yield "ScalingConfig is not a setting of a stream."
    if not 1 <= spec.get("ParallelizationFactor", 1) <= _MOST_LANES:
        yield f"ParallelizationFactor must be between 1 and {_MOST_LANES}."
    if not -1 <= spec.get("MaximumRetryAttempts", -1) <= 10_000:
        yield "MaximumRetryAttempts must be between -1 and 10000."
    age = spec.get("MaximumRecordAgeInSeconds", -1)
    if age != -1 and not 60 <= age <= 604_800:
        yield "MaximumRecordAgeInSeconds must be -1 or between 60 and 604800."
    for destination in (spec.get("DestinationConfig") or {}).values():
        try:
            if destination.get("Destination"):
                check_destination(destination["Destination"], OF_STREAMS)
        except BadDefinition as error:
            yield error.message


def _check_visibility(queue: Queue, function: LambdaFunction) -> None:
    visibility = int(queue.visibility_timeout)  # type: ignore[attr-defined]
    if visibility < int(function.timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {function.timeout} seconds"
        )
