"""SNS: each subscription is delivered to on its own, functions get the message as it is, and what is lost is kept.

moto stops at the first subscription that fails, invokes functions with an example, takes any text for a true
`RawMessageDelivery`, and has no dead-letter queues.
"""

from __future__ import annotations

import base64
import copy
import json
import logging
from typing import Any

from pipeline.emulator.moto.patch import patch

_log = logging.getLogger(__name__)

_RAW = "RawMessageDelivery"
_REDRIVE = "RedrivePolicy"
_ELEMENTS_OF_ARN = 6
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")


@patch("moto.sns.models:Subscription.publish", "fd07bd0bb87f", "moto stops at the first subscription that fails")
def _publish(self: Any, message: str, message_id: str, *args: Any, **kwargs: Any) -> None:
    try:
        if self.protocol == "lambda":
            _invoke(self, message, message_id, *args, **kwargs)
        else:
            _publish.original(_truly_raw(self), message, message_id, *args, **kwargs)
    except Exception:
        # On AWS the publisher has its answer by now.
        if (queue := _dead_letter_queue(self)) is None:
            _log.exception("%s got nothing", self.endpoint)
        else:
            _publish.original(_led_to(queue, self), message, message_id, *args, **kwargs)


@patch("moto.sns.models:SNSBackend._get_values_nexttoken", "d96e6823c069", "a token that is no number fails moto")
def _page(self: Any, values: dict[str, Any], next_token: str | None = None) -> Any:
    from moto.sns.exceptions import SNSInvalidParameter

    if next_token and not (next_token.isascii() and next_token.isdecimal()):
        raise SNSInvalidParameter("Invalid parameter: NextToken")
    return _page.original(self, values, next_token)


@patch("moto.sns.models:SNSBackend.get_topic", "417f8c7e6ffb", "moto tells how Python could not take a text apart")
def _get_topic(self: Any, arn: str | None) -> Any:
    from moto.sns.exceptions import SNSInvalidParameter

    if arn is None:
        raise SNSInvalidParameter("Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter")
    elements = len(str(arn).split(":"))
    if elements < _ELEMENTS_OF_ARN:
        raise SNSInvalidParameter(
            f"Invalid parameter: TopicArn Reason: An ARN must have at least {_ELEMENTS_OF_ARN} elements, not {elements}"
        )
    return _get_topic.original(self, arn)


@patch("moto.sns.models:SNSBackend.get_endpoint", "3ca9733ae188", "moto takes apart a topic's ARN as an endpoint's")
def _get_endpoint(self: Any, arn: str) -> Any:
    from moto.sns.exceptions import TopicNotFound

    if ":endpoint/" not in arn:
        raise TopicNotFound
    return _get_endpoint.original(self, arn)


@patch("moto.sns.models:Subscription.get_post_data", "dc591399b4d0", "moto signs with version 2 always, and no subject")
def _get_post_data(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """A topic that is not told otherwise signs with version 1, SHA1.

    Source: "Verifying the signatures of Amazon SNS messages" of the SNS guide.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    sent: dict[str, Any] = _get_post_data.original(self, *args, **kwargs)
    sent["SignatureVersion"] = str(getattr(self.topic, "signature_version", None) or "1")
    # The version is AWS's to choose: a subscriber that verifies expects this algorithm.
    digest = hashes.SHA256() if sent["SignatureVersion"] == "2" else hashes.SHA1()  # noqa: S303
    signed = "".join(f"{name}\n{sent[name]}\n" for name in _SIGNED if sent.get(name))
    signature = self.private_key().sign(signed.encode(), padding.PKCS1v15(), digest)
    return {**sent, "Signature": base64.b64encode(signature).decode()}


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
