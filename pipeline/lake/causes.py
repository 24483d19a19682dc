"""What people are told of an error that a state machine caught."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pipeline.core.errors import WillFailAgain
from pipeline.lake.catalog.rows import shorten

_OF_A_RUN = {"STOPPED": "the job was stopped", "TIMEOUT": "the job took longer than its time-out"}
_WHOLE_INPUT = re.compile(r"(could not be found in the input) '.*'$", re.DOTALL)


def cause_of(error: Mapping[str, str]) -> str:
    """What went wrong, from a state's `$.error`, without the document that it may stand in.

    A function's cause is its error as JSON, and Glue's the whole job run; a path that found nothing comes with all
    that it was looked for in.
    """
    cause, kind = error.get("Cause") or "", error.get("Error", "")
    try:
        document = json.loads(cause)
    except ValueError:
        document = None
    if isinstance(document, dict):
        state, said = document.get("JobRunState"), document.get("ErrorMessage") or document.get("errorMessage")
        if state and not said:
            return _OF_A_RUN.get(state, f"the job ended as {state}")
        cause, kind = said or cause, document.get("errorType") or kind
    # For the state machine, not for people.
    cause = cause.replace(f"{WillFailAgain.__name__}: ", "", 1)
    cause = _WHOLE_INPUT.sub(r"\1", cause)
    return shorten(f"{kind}: {cause}" if kind else cause)
