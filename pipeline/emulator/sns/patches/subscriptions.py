"""SNS: a subscription that nothing here delivers to is refused when it is made. moto takes it and sends nothing."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.guard import replace

DELIVERED = ("sqs", "lambda")


def install() -> None:
    from moto.sns.exceptions import SNSInvalidParameter
    from moto.sns.models import SNSBackend

    def subscribe(self: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
        if protocol not in DELIVERED:
            raise SNSInvalidParameter(
                f"Invalid parameter: the embedded AWS delivers to {' and '.join(DELIVERED)}, not to {protocol}. "
                "Subscribe a queue or a function."
            )
        return original(self, topic_arn, endpoint, protocol)

    original = replace(SNSBackend, "subscribe", subscribe, source="56ded2dae9fa")
