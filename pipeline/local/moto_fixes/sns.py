"""SNS: a subscription that cannot be delivered to leaves the others, and `RawMessageDelivery` may be "false"."""

from __future__ import annotations

import copy
import logging
from typing import Any

from pipeline.local.moto_fixes.guard import replace

_log = logging.getLogger(__name__)

_RAW = "RawMessageDelivery"


def install() -> None:
    from moto.sns.models import Subscription

    def publish(self: Any, *args: Any, **kwargs: Any) -> None:
        subscription = self
        if str(self.attributes.get(_RAW, "")).lower() == "false":
            # moto takes any text for true.
            subscription = copy.copy(self)
            subscription.attributes = {name: value for name, value in self.attributes.items() if name != _RAW}
        try:
            original(subscription, *args, **kwargs)
        except Exception:
            # On AWS the publisher has its answer by now; a queue that is gone loses the message.
            _log.exception("%s got nothing", self.endpoint)

    original = replace(Subscription, "publish", publish, source="fd07bd0bb87f")
