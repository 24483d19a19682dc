"""SNS: each subscription is delivered to on its own, functions get the message as it is, and what is lost is kept.

moto stops at the first subscription that fails, invokes functions with an example, takes any text for a true
`RawMessageDelivery`, and has no dead-letter queues.
"""

from __future__ import annotations

import copy
import json
import logging
from typing import Any

from pipeline.local.moto_fixes.guard import replace

_log = logging.getLogger(__name__)

_RAW = "RawMessageDelivery"
_REDRIVE = "RedrivePolicy"


def install() -> None:
    from moto.sns.models import Subscription

    def publish(self: Any, message: str, message_id: str, *args: Any, **kwargs: Any) -> None:
        try:
            if self.protocol == "lambda":
                _invoke(self, message, message_id, *args, **kwargs)
            else:
                original(_truly_raw(self), message, message_id, *args, **kwargs)
        except Exception:
            # On AWS the publisher has its answer by now.
            if (queue := _dead_letter_queue(self)) is None:
                _log.exception("%s got nothing", self.endpoint)
            else:
                original(_led_to(queue, self), message, message_id, *args, **kwargs)

    original = replace(Subscription, "publish", publish, source="fd07bd0bb87f")


def _truly_raw(subscription: Any) -> Any:
    if str(subscription.attributes.get(_RAW, "")).lower() != "false":
        return subscription
    found = copy.copy(subscription)
    found.attributes = {name: value for name, value in subscription.attributes.items() if name != _RAW}
    return found


def _invoke(
    subscription: Any,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    message_structure: str | None = None,
    **_: Any,
) -> None:
    """Source of the event: "Invoking Lambda functions with Amazon SNS notifications" in the Lambda guide."""
    from moto.awslambda.models import lambda_backends

    matcher = subscription._filter_policy_matcher
    if matcher is not None and not matcher.matches(message_attributes, message):
        return
    if message_structure == "json":
        message = subscription._parse_message_structure(message, "lambda")
    sent = subscription.get_post_data(message, message_id, subject)
    sent |= {"Subject": subject, "MessageAttributes": message_attributes or {}}
    # Lambda's event spells them so.
    sent |= {"SigningCertUrl": sent.pop("SigningCertURL"), "UnsubscribeUrl": sent.pop("UnsubscribeURL")}
    record = {
        "EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription.arn, "Sns": sent,
    }  # fmt: skip
    _, _, _, region, account, *_rest = subscription.endpoint.split(":")
    function = lambda_backends[account][region].get_function(subscription.endpoint)
    function.invoke(json.dumps({"Records": [record]}), {}, {})


def _dead_letter_queue(subscription: Any) -> str | None:
    policy: dict[str, str] = json.loads(subscription.attributes.get(_REDRIVE) or "{}")
    return policy.get("deadLetterTargetArn")


def _led_to(queue: str, subscription: Any) -> Any:
    """The subscription as it would be if its endpoint were the queue."""
    found = copy.copy(_truly_raw(subscription))
    found.protocol, found.endpoint = "sqs", queue
    return found
