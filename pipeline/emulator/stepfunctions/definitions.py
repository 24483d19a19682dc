"""The definitions of state machines at the API: what is wrong with one, and what the interpreter cannot run."""

from __future__ import annotations

import json
from typing import Any

from pipeline.emulator.stepfunctions.errors import api_error, invalid
from pipeline.emulator.stepfunctions.interpreter.mocked import parse
from pipeline.emulator.stepfunctions.pages import choice
from pipeline.emulator.stepfunctions.service import Answer, Region, Request
from pipeline.emulator.stepfunctions.test_cases import tested_machines
from pipeline.emulator.stepfunctions.validation.diagnostics import NOT_EMBEDDED, Diagnostic, diagnose, refusal
from pipeline.emulator.stepfunctions.validation.refusals import refusals
from pipeline.emulator.stepfunctions.validation.unparsable import unparsable
from pipeline.emulator.stepfunctions.validation.unreadable import unreadable

LONGEST_DEFINITION = 1_048_576
MOST_DIAGNOSTICS = 100


def diagnostics(definition: str, machine: str | None = None) -> list[Diagnostic]:
    """What AWS has against a definition; else what the interpreter cannot run.

    It need not run what the test cases of the machine of this name may answer.
    """
    found = diagnose(definition) or _of_the_values(json.loads(definition))
    if machine is not None and machine in tested_machines():
        found = [each for each in found if each.code != NOT_EMBEDDED]
    if found:
        return found
    try:
        parse(definition)
    except Exception:
        return unreadable(json.loads(definition))
    return []


def _of_the_values(machine: dict[str, Any]) -> list[Diagnostic]:
    return [*unparsable(machine), *refusals(machine)]


def check_definition(definition: str, machine: str) -> None:
    """`InvalidDefinition` for one that the machine of this name cannot have, `ValidationException` if it is too long.

    Characters count.
    """
    _check_length(definition)
    if message := refusal(diagnostics(definition, machine)):
        raise api_error("InvalidDefinition", message)


def validate_state_machine_definition(_: Region, request: Request) -> Answer:
    definition = request["definition"]
    choice("severity", request.get("severity"), ("ERROR", "WARNING"))
    limit = int(request.get("maxResults") or 0) or MOST_DIAGNOSTICS
    if limit > MOST_DIAGNOSTICS:
        raise invalid("maxResults", str(limit), f"Member must have value less than or equal to {MOST_DIAGNOSTICS}")
    _check_length(definition)
    found = diagnostics(definition)
    return {
        "result": "FAIL" if found else "OK",
        "diagnostics": [
            {"severity": each.severity, "code": each.code, "message": each.message, "location": each.location}
            for each in found[:limit]
        ],
        "truncated": len(found) > limit,
    }


def _check_length(definition: str) -> None:
    if len(definition) > LONGEST_DEFINITION:
        raise invalid("definition", "...", f"Member must have length less than or equal to {LONGEST_DEFINITION}")
