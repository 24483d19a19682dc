"""Which errors of AWS calls may pass, by the codes that services answer."""

from __future__ import annotations

from typing import Any

THROTTLING_CODES = frozenset(
    {
        "503",
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "KMS.ThrottlingException",
        "KMSThrottling",
        "KMSThrottlingException",
        "KmsThrottled",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Error codes by which AWS says that calls come too fast: those that the SDK knows, and the key's in other services.

S3 answers a HEAD that is too fast with its status alone.
"""

TRANSIENT_CODES = frozenset(
    {
        "ConditionalRequestConflict",
        "InternalError",
        "InternalServerError",
        "InternalFailure",
        "RequestTimeout",
        "ServiceUnavailable",
        "TransactionConflictException",
        "TransactionInProgressException",
        "500",
    }
)
"""Other error codes after which AWS says that the same call may succeed."""


def is_transient(error: Exception) -> bool:
    """Whether an AWS call failed in a way that may pass, or the connection over which its answer was being read.

    Of the errors of a body that is read as a stream the SDK renames two; the others come as urllib3 and ssl have them.
    """
    import ssl

    from botocore import exceptions as sdk
    from urllib3.exceptions import HTTPError

    if isinstance(error, sdk.ClientError):
        return _code(error) in TRANSIENT_CODES | THROTTLING_CODES
    of_sdk = (sdk.ConnectionError, sdk.HTTPClientError, sdk.IncompleteReadError)
    return isinstance(error, (*of_sdk, HTTPError, ConnectionError, TimeoutError, ssl.SSLError))


def is_throttled(error: Exception) -> bool:
    """Whether AWS refused a call because there were too many."""
    from botocore.exceptions import ClientError

    return isinstance(error, ClientError) and _code(error) in THROTTLING_CODES


def code_of(error: Exception) -> str | None:
    """The code that AWS answered; None for any other error."""
    from botocore.exceptions import ClientError

    return str(_code(error)) if isinstance(error, ClientError) else None


def _code(error: Any) -> Any:
    return error.response.get("Error", {}).get("Code")
