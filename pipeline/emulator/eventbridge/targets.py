"""Targets of EventBridge's rules and schedules: queues, topics, functions and state machines, by their ARN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.core.errors import BadDefinition
from pipeline.emulator.outbox import GIVE_UP_SECONDS, GivenUp, Outbox, Patience

Target = Mapping[str, Any]
"""A target as PutTargets or CreateSchedule got it."""

Invoke = Callable[[str, str], None]
"""Invokes a function (its ARN, the event as JSON) asynchronously, as other services do."""

_SERVICES = frozenset(("lambda", "sqs", "sns", "states"))
_SETTINGS = frozenset(
    (
        "Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "DeadLetterConfig", "RetryPolicy",
        "SqsParameters",
    )
)  # fmt: skip


def check_target(target: Target) -> None:
    """BadDefinition for a target that would not get its events here as it does on AWS: to be asked when it is set."""
    arn = str(target.get("Arn", ""))
    if (arn.split(":") + [""] * 3)[2] not in _SERVICES:
        raise BadDefinition(
            f"the embedded AWS sends events to functions, SQS queues, SNS topics and state machines, not to {arn}"
        )
    for name, value in target.items():
        if value and name not in _SETTINGS:
            raise BadDefinition(f"the embedded AWS does not honour {name} of a target")


class Targets:
    """Delivery between `start` and `stop`, again until it succeeds or the target's retry policy ends.

    The policy is honoured up to the five minutes after which the embedded AWS gives up anyway. What is given up goes to
    the target's dead-letter queue, if it has one.
    """

    def __init__(self, name: str, invoke: Invoke) -> None:
        self._invoke = invoke
        self._outbox = Outbox(name)

    def start(self) -> None:
        """Begin to deliver."""
        self._outbox.start()

    def stop(self) -> None:
        """End, and leave what is not delivered."""
        self._outbox.stop()

    def put(self, source: str, target: Target, body: str) -> None:
        """Send soon. `source` is the ARN of the rule or schedule."""
        arn = target["Arn"]
        policy = target.get("RetryPolicy") or {}
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        patience = Patience(
            seconds=min(float(policy.get("MaximumEventAgeInSeconds", GIVE_UP_SECONDS)), GIVE_UP_SECONDS),
            retries=policy.get("MaximumRetryAttempts"),
            given_up=(lambda lost: _bury(queue, source, arn, body, lost)) if queue else None,
        )
        self._outbox.put(f"{source} to {arn}", lambda: self._send(target, body), patience)

    def _send(self, target: Target, body: str) -> None:
        arn = target["Arn"]
        service, region, account = arn.split(":")[2:5]
        if service == "lambda":
            self._invoke(arn, body)
        elif service == "sqs":
            _queue(arn, body, group_id=(target.get("SqsParameters") or {}).get("MessageGroupId"))
        elif service == "sns":
            from moto.sns.models import sns_backends

            sns_backends[account][region].publish(arn=arn, message=body)
        elif service == "states":
            from pipeline.emulator.stepfunctions.executions import start_execution
            from pipeline.emulator.stepfunctions.service import STEP_FUNCTIONS

            start_execution(STEP_FUNCTIONS.region(account, region), {"stateMachineArn": arn, "input": body})
        else:
            raise NotImplementedError(f"the embedded AWS does not deliver events to {arn}")


def _queue(arn: str, body: str, **settings: Any) -> None:
    from moto.sqs.models import sqs_backends

    region, account, name = arn.split(":")[3:]
    sqs_backends[account][region].send_message(queue_name=name, message_body=body, **settings)


def _bury(queue: str, source: str, target: str, body: str, lost: GivenUp) -> None:
    """Source of the attributes: "Using dead-letter queues" in the EventBridge user guide."""
    code = getattr(lost.error, "response", {}).get("Error", {}).get("Code") or type(lost.error).__name__
    texts = {
        "SCHEDULE_ARN" if ":scheduler:" in source else "RULE_ARN": source,
        "TARGET_ARN": target,
        "ERROR_CODE": code,
        "ERROR_MESSAGE": str(lost.error) or "-",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts" if lost.out_of_retries else "MaximumEventAgeInSeconds",
        "RETRY_ATTEMPTS": str(lost.retries),
    }
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
    _queue(queue, body, message_attributes=attributes)
