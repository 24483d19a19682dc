"""State machines at the API: definitions are validated, a name is used once, and what is not there is refused.

moto takes what its parser takes, and answers a second CreateStateMachine with the first machine, whatever it says.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from pipeline.core.errors import Misconfigured
from pipeline.emulator.moto.guard import replace
from pipeline.emulator.stepfunctions.archive import archive
from pipeline.emulator.stepfunctions.errors import api_error, invalid
from pipeline.emulator.stepfunctions.executions import changing
from pipeline.emulator.stepfunctions.interpreter.mocked import parse
from pipeline.emulator.stepfunctions.logs import checked
from pipeline.emulator.stepfunctions.pages import choice
from pipeline.emulator.stepfunctions.test_cases import tested_machines
from pipeline.emulator.stepfunctions.validation.diagnostics import NOT_EMBEDDED, Diagnostic, diagnose, refusal
from pipeline.emulator.stepfunctions.validation.refusals import refusals
from pipeline.emulator.stepfunctions.validation.unparsable import unparsable
from pipeline.emulator.stepfunctions.validation.unreadable import unreadable

LONGEST_DEFINITION = 1_048_576
MOST_DIAGNOSTICS = 100
_NOTHING = (
    "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
)


def install() -> None:
    from moto.stepfunctions.models import StepFunctionBackend
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend
    from moto.stepfunctions.responses import StepFunctionResponse

    def create(self: Any, name: str, definition: str, roleArn: str, **more: Any) -> Any:
        _check(more)
        _validate(definition, name)
        more["loggingConfiguration"] = checked(more.get("loggingConfiguration"))
        known = next((machine for machine in self.state_machines if machine.name == name), None)
        if known is not None and not _is_same(known, definition, more):
            raise api_error("StateMachineAlreadyExists", f"State Machine Already Exists: '{known.arn}'")
        made = original_create(self, name, definition, roleArn, **more)
        if known is None:
            # moto may have forgotten an earlier one of this name with all its state, which the archive does not see.
            with changing:
                archive().remove_machine(made.arn)
        return made

    def update(self: Any, arn: str, definition: str | None = None, role_arn: str | None = None, **more: Any) -> Any:
        _check(more)
        if more.get("logging_configuration"):
            more["logging_configuration"] = checked(more["logging_configuration"])
        if not any((definition, role_arn, *more.values())):
            raise api_error("MissingRequiredParameter", _NOTHING)
        published = {name: more.pop(name, None) for name in ("publish", "version_description")}
        current = self.describe_state_machine(arn)
        _validate(definition or current.definition, current.name)
        before = _revised(current)
        machine = original_update(self, arn, definition, role_arn, **more)
        if _revised(machine) != before:
            machine.revision_id = str(uuid.uuid4())
        # Only now: moto would publish before there is another revision.
        if published["publish"]:
            machine.publish(published["version_description"])
        return machine

    original_create = replace(StepFunctionsParserBackend, "create_state_machine", create, source="dc56ec54216f")
    original_update = replace(StepFunctionsParserBackend, "update_state_machine", update, source="03b6b2ec8ffd")
    replace(StepFunctionBackend, "_validate_arn", _validate_arn, source="a88ffe1f017e")
    replace(StepFunctionsParserBackend, "_validate_definition", staticmethod(_validated), source="a5921e3d3b46")
    if hasattr(StepFunctionResponse, "validate_state_machine_definition"):
        raise Misconfigured("moto validates definitions now", hint="Install the pinned moto, or look at what it does.")
    StepFunctionResponse.validate_state_machine_definition = _answer  # type: ignore[attr-defined]
    _install_revisions(StepFunctionResponse)
    _install_tags(StepFunctionBackend)


def _install_tags(backends: Any) -> None:
    """What is not there takes no tags; moto keeps them."""

    def tag(self: Any, arn: str, tags: dict[str, str]) -> None:
        if all(machine.arn != arn for machine in self.state_machines):
            raise api_error("ResourceNotFound", f"Resource not found: '{arn}'")
        original(self, arn, tags)

    original = replace(backends, "tag_resource", tag, source="2f5434178236")


def _install_revisions(responses: Any) -> None:
    """AWS tells a revision from the first update on."""

    def updated(self: Any) -> Any:
        return told(self, original_update(self), self._get_param("stateMachineArn"))

    def described(self: Any, arn: str) -> Any:
        return told(self, original_describe(self, arn), arn)

    def told(self: Any, answer: Any, arn: str) -> Any:
        revision = getattr(self.stepfunction_backend.describe_state_machine(arn), "revision_id", None)
        if revision is not None:
            answer.result["revisionId"] = revision
        return answer

    original_update = replace(responses, "update_state_machine", updated, source="438f6dc8472a")
    original_describe = replace(responses, "_describe_state_machine", described, source="44f4c687f927")


def _validate_arn(self: Any, arn: str, regex: Any, invalid_msg: str) -> None:
    if not regex.match(arn):
        is_arn = arn.startswith("arn:")
        raise api_error("InvalidArn", invalid_msg if is_arn else f"Invalid Arn: 'Invalid ARN prefix: {arn}'")


def _revised(machine: Any) -> tuple[Any, ...]:
    """What makes another revision when an update changes it."""
    return machine.definition, machine.roleArn, machine.loggingConfiguration, machine.tracingConfiguration


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


def _validated(definition: str) -> None:
    """By `create` and `update`, which know the machine's name."""


def _validate(definition: str, machine: str) -> None:
    if len(definition) > LONGEST_DEFINITION:
        constraint = f"Member must have length less than or equal to {LONGEST_DEFINITION}"
        raise invalid("definition", "...", constraint)
    if told := refusal(diagnostics(definition, machine)):
        raise api_error("InvalidDefinition", told)


def _check(more: dict[str, Any]) -> None:
    if more.get("sm_type") not in (None, "STANDARD"):
        raise api_error("StateMachineTypeNotSupported", "The embedded AWS has no Express state machines.")
    encryption = more.get("encryptionConfiguration") or more.get("encryption_configuration") or {}
    if encryption.get("type", "AWS_OWNED_KEY") != "AWS_OWNED_KEY":
        raise api_error("InvalidEncryptionConfiguration", "The embedded AWS encrypts no state machines.")


def _is_same(machine: Any, definition: str, more: dict[str, Any]) -> bool:
    """AWS looks at no more than these: a different role or tag is not seen."""
    tracing = more.get("tracingConfiguration") or {"enabled": False}
    return bool(
        machine.definition == definition
        and machine.loggingConfiguration == more["loggingConfiguration"]
        and machine.tracingConfiguration == tracing
    )


def _answer(self: Any) -> Any:
    from moto.core.responses import ActionResult

    definition = self._get_param("definition")
    choice("severity", self._get_param("severity"), ("ERROR", "WARNING"))
    limit = int(self._get_param("maxResults") or 0) or MOST_DIAGNOSTICS
    if limit > MOST_DIAGNOSTICS:
        raise invalid("maxResults", str(limit), f"Member must have value less than or equal to {MOST_DIAGNOSTICS}")
    if len(definition) > LONGEST_DEFINITION:
        raise invalid("definition", "...", f"Member must have length less than or equal to {LONGEST_DEFINITION}")
    found = diagnostics(definition)
    return ActionResult(
        {
            "result": "FAIL" if found else "OK",
            "diagnostics": [_told(each) for each in found[:limit]],
            "truncated": len(found) > limit,
        }
    )


def _told(diagnostic: Diagnostic) -> dict[str, str]:
    told = {"severity": diagnostic.severity, "code": diagnostic.code, "message": diagnostic.message}
    return told if diagnostic.location is None else {**told, "location": diagnostic.location}
