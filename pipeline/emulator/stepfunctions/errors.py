"""Errors that Step Functions answers."""

from __future__ import annotations

from typing import Any


class StepFunctionsError(Exception):
    """A call that is refused with AWS's `code` and status 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def response(self) -> dict[str, Any]:
        """As botocore's errors have it, for those who call the service without a client."""
        return {"Error": {"Code": self.code, "Message": self.message}}


def api_error(code: str, message: str) -> StepFunctionsError:
    """An error that is answered with AWS's `code`."""
    return StepFunctionsError(code, message)


def invalid(name: str, value: str, constraint: str) -> StepFunctionsError:
    """A parameter outside its constraint, in the words of AWS."""
    return api_error(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}",
    )


def no_machine(arn: str) -> StepFunctionsError:
    return api_error("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def no_execution(arn: str) -> StepFunctionsError:
    return api_error("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def invalid_token() -> StepFunctionsError:
    """For the token of a page, and of a task."""
    return api_error("InvalidToken", "Invalid Token: 'Invalid token'")
