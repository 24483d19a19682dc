"""The policy that StartJobRun gives the session of a run: kept and told, and enforced by nothing here."""

from __future__ import annotations

import json

LONGEST = 2048
"""Characters. Source: Glue API, StartJobRun, `ExecutionRoleSessionPolicy`."""


def check_policy(policy: str | None) -> None:
    """Refuse what Glue would: a text that is no JSON object, or too long."""
    if policy is None:
        return
    from moto.glue.exceptions import InvalidInputException

    if not 2 <= len(policy) <= LONGEST:
        raise InvalidInputException("StartJobRun", f"ExecutionRoleSessionPolicy has {len(policy)} characters")
    try:
        is_object = isinstance(json.loads(policy), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise InvalidInputException("StartJobRun", "ExecutionRoleSessionPolicy is no JSON object")
