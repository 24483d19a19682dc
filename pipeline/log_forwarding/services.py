"""Assembles the services of log forwarding's handlers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured
from pipeline.core.handler import entry_point
from pipeline.core.loopback import is_this_machine
from pipeline.core.settings import Settings, endpoint
from pipeline.log_forwarding.endpoint import endpoint_of
from pipeline.log_forwarding.events import Content, everything
from pipeline.log_forwarding.fields import fields_only
from pipeline.log_forwarding.sender import Sender
from pipeline.log_forwarding.settings import DESTINATION, Destination, Setting
from pipeline.log_forwarding.subscriptions import Filter, Group

DESTINATION_S = 60
"""Seconds for which it is believed where events go."""
HEADERS_S = 300
"""Seconds for which the secret's headers are believed. A 401 or 403 has them read again at once."""
_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_NOT_GIVEN = frozenset(("connection", "content-length", "content-type", "host", "transfer-encoding"))


class LogForwarding:
    """The services of log forwarding."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._destination: tuple[float, Destination] | None = None
        self._headers: tuple[float, Mapping[str, str]] | None = None

    @property
    def is_on(self) -> bool:
        """Whether events are sent anywhere."""
        return self.destination().endpoint is not None

    def destination(self, *, afresh: bool = False) -> Destination:
        """Where events go, read again when it is old."""
        now = time.monotonic()
        if self._destination is None or afresh or now - self._destination[0] > DESTINATION_S:
            path = self.settings[Setting.LOG_SETTINGS]
            # Those that are not there are no error.
            answer = client("ssm").get_parameters(Names=[f"{path}{name}" for name in DESTINATION])
            found = {each["Name"].removeprefix(path): each["Value"] for each in answer["Parameters"]}
            self._destination = now, Destination.of(found)
        return self._destination[1]

    @property
    def own_groups(self) -> frozenset[str]:
        """The log groups of these functions, whose events are never sent."""
        return frozenset(self._listed(Setting.OWN_LOG_GROUPS))

    def sender(self) -> Sender:
        """What sends to the endpoint; `Misconfigured` where there is none, or one that may not be."""
        aws, to = endpoint(), self.destination()
        is_embedded = aws is not None and is_this_machine(urlsplit(aws).netloc)
        return Sender(endpoint_of(to.endpoint or "", is_embedded=is_embedded), self.headers, to.authority)

    def content_of(self, group: str) -> Content:
        """What may be said of a group's messages."""
        return fields_only if group.startswith(tuple(self._listed(Setting.FIELDS_ONLY))) else everything

    def headers(self, *, afresh: bool = False) -> Mapping[str, str]:
        """Those of the secret, which is read once and again when it is old."""
        secret = self.destination().headers
        if not secret:
            return {}
        now = time.monotonic()
        if self._headers is None or afresh or now - self._headers[0] > HEADERS_S:
            answer = client("secretsmanager").get_secret_value(SecretId=secret)
            self._headers = now, headers_of(answer.get("SecretString", ""))
        return self._headers[1]

    @property
    def wanted(self) -> Filter:
        """The filter of every group: all events, to the function that forwards."""
        return Filter(self.settings[Setting.LOG_FILTER], self.settings[Setting.FORWARD_FUNCTION])

    def groups(self) -> Iterator[Group]:
        """The lake's log groups as they are, with their filters."""
        logs = client("logs")
        for prefix in self._listed(Setting.LOG_GROUPS):
            for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
                for each in page["logGroups"]:
                    yield Group(each["logGroupName"], tuple(_filters(logs, each["logGroupName"])))

    def subscribe(self, group: str) -> None:
        """Give a group the filter."""
        client("logs").put_subscription_filter(
            logGroupName=group,
            filterName=self.wanted.name,
            filterPattern=self.wanted.pattern,
            destinationArn=self.wanted.destination,
        )

    def unsubscribe(self, group: str, name: str) -> None:
        """Take a filter away."""
        client("logs").delete_subscription_filter(logGroupName=group, filterName=name)

    def _listed(self, setting: Setting) -> list[str]:
        return [each for each in self.settings[setting].split(",") if each]


def headers_of(secret: str) -> dict[str, str]:
    """The headers of a secret: a JSON object of names and texts. `Misconfigured` for another, which is not quoted."""
    try:
        found = json.loads(secret)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found:
        raise Misconfigured(
            "the secret of log-headers is no JSON object", hint='Such as {"Authorization": "Bearer …"}.'
        )
    for name, value in found.items():
        if _NAME.fullmatch(name) is None or name.lower() in _NOT_GIVEN:
            raise Misconfigured("the secret of log-headers has a name that no header of a request can have here")
        if not isinstance(value, str) or _VALUE.fullmatch(value) is None:
            raise Misconfigured(f"the secret of log-headers: {name} is no text of printable ASCII characters")
    return dict(found)


def _filters(logs: Any, group: str) -> Iterator[Filter]:
    try:
        for page in logs.get_paginator("describe_subscription_filters").paginate(logGroupName=group):
            for each in page["subscriptionFilters"]:
                yield Filter(each["filterName"], each["destinationArn"], each.get("filterPattern", ""))
    except logs.exceptions.ResourceNotFoundException:
        # Deleted since it was listed.
        return


@cache
def log_forwarding() -> LogForwarding:
    """The services of this process."""
    return LogForwarding(Settings.from_environment())


def handler(function: Callable[[dict[str, Any], LogForwarding], Any]) -> Callable[[dict[str, Any], object], Any]:
    """Make a Lambda entry point of `function(event, forwarding)`."""
    return entry_point(function, log_forwarding)
