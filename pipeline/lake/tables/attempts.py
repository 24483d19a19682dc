"""Tries of a change to a table that others change too, each from the top, until nobody else got in between."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from pipeline.core.errors import SluiceError, Transient
from pipeline.lake.tables.outcomes import CommitOutcome

ATTEMPTS = 10
BACKOFF_S, LONGEST_S = 0.2, 5.0

log = logging.getLogger(__name__)


def until_settled(
    table: str,
    attempt: Callable[[], CommitOutcome],
    *,
    is_lost_to_others: Callable[[Exception], bool],
    has_no_answer: Callable[[Exception], bool],
    sleep: Callable[[float], None],
    lost: type[SluiceError] = Transient,
) -> CommitOutcome:
    """Try from the top until an attempt has an outcome.

    A time-out is like a refusal: it is not known whether the call went through, and the table's marker tells. `lost` if
    the last try was lost to others, `Transient` if it had no answer.
    """
    others = False
    for number in range(ATTEMPTS):
        if number:
            longest = min(LONGEST_S, BACKOFF_S * 2 ** (number - 1))
            sleep(random.uniform(longest / 2, longest))  # noqa: S311 - so that writers come apart
        try:
            return attempt()
        except Exception as error:
            others = is_lost_to_others(error)
            if not (others or has_no_answer(error)):
                raise
            log.info("attempt %d at %s: %s", number + 1, table, error)
    if others:
        raise lost(f"{table} was changed by others {ATTEMPTS} times")
    raise Transient(f"{table} did not answer {ATTEMPTS} times")


def has_no_answer(error: Exception) -> bool:
    """Whether AWS did not answer a call, or answered that it cannot now: it may have gone through."""
    from botocore.exceptions import ClientError, HTTPClientError

    if isinstance(error, ClientError):
        status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or status == 429 or "Throttl" in error.response["Error"]["Code"]
    return isinstance(error, HTTPClientError)
