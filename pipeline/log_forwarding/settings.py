"""The deployed resources of log forwarding, and what it was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.core.settings import FlowSetting

DESTINATION = ("log-endpoint", "log-headers", "log-authority")
"""The ends of the names of the parameters of a `Destination`."""
OFF = "off"
"""In place of an endpoint, where nothing is forwarded: Parameter Store has no empty text."""


class Setting(FlowSetting):
    """What the functions have in their environment; lists are separated by commas."""

    LOG_SETTINGS = "log-settings"
    """The path below which Parameter Store has a `Destination`."""
    FIELDS_ONLY = "fields-only"
    """How the names of log groups begin whose free text does not leave."""
    LOG_GROUPS = "log-groups"
    """How the names of the lake's log groups begin."""
    OWN_LOG_GROUPS = "own-log-groups"
    """The log groups of log forwarding itself."""
    LOG_FILTER = "log-filter"
    """The name of the subscription filters."""
    FORWARD_FUNCTION = "forward-function"
    """The ARN by which CloudWatch Logs invokes the function that forwards."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go.

    `endpoint` is a URL, None where nothing is forwarded; `headers` the ARN of the secret that has headers to send;
    `authority` the certificates (PEM) by which the endpoint is trusted, empty for those of the system.
    """

    endpoint: str | None
    headers: str | None = None
    authority: str = ""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Destination:
        """As the stack publishes it, by the ends of the parameters' names."""
        endpoint, headers, authority = map(parameters.get, DESTINATION)
        return cls(None if endpoint in (None, OFF) else endpoint, headers, authority or "")
