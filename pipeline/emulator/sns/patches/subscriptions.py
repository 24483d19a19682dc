"""SNS: a subscription that nothing here delivers to is refused when it is made. moto takes it and sends nothing."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import patch

DELIVERED = ("sqs", "lambda")


@patch("moto.sns.models:SNSBackend.subscribe", "56ded2dae9fa", "moto takes every protocol, and sends nothing to most")
def _subscribe(self: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
    from moto.sns.exceptions import SNSInvalidParameter

    if protocol not in DELIVERED:
        raise SNSInvalidParameter(
            f"Invalid parameter: the embedded AWS delivers to {' and '.join(DELIVERED)}, not to {protocol}. "
            "Subscribe a queue or a function."
        )
    return _subscribe.original(self, topic_arn, endpoint, protocol)
