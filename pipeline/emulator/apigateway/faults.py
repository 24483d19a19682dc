"""Why a request is not answered by its integration, by the types of gateway responses."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.emulator.apigateway.document_responses import TYPES


@dataclass(frozen=True)
class Fault(Exception):
    """An error that the gateway answers itself. `kind` is a gateway response's type, `name` the x-amzn-ErrorType.

    `detail` is for whoever runs the API, in the log; who called does not see it.
    """

    kind: str
    message: str
    name: str
    status: int = 0
    detail: str = ""

    @property
    def code(self) -> int:
        """The status, where no gateway response says another."""
        return self.status or TYPES[self.kind] or 500


def no_such_method() -> Fault:
    """API Gateway does not tell a path that is not there from one that needs a signature."""
    return Fault("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token", "MissingAuthenticationTokenException")


def forbidden() -> Fault:
    """No key, or none that is good for this stage."""
    return Fault("INVALID_API_KEY", "Forbidden", "ForbiddenException")


def broken(detail: str) -> Fault:
    """The API is deployed with something that does not work."""
    return Fault("API_CONFIGURATION_ERROR", "Internal server error", "InternalServerErrorException", 500, detail)


def bad_gateway(detail: str) -> Fault:
    """A function failed, or answered what is no answer."""
    return Fault("DEFAULT_5XX", "Internal server error", "InternalServerErrorException", 502, detail)


def timed_out() -> Fault:
    """The integration took longer than it may."""
    return Fault("INTEGRATION_TIMEOUT", "Endpoint request timed out", "InternalServerErrorException")
