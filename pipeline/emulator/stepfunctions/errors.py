"""Errors of Step Functions that moto has no class for."""

from __future__ import annotations


def api_error(code: str, message: str) -> Exception:
    """An error that moto answers with AWS's `code` and status 400."""
    from moto.core.exceptions import AWSError

    kind = type(code, (AWSError,), {"TYPE": code, "STATUS": 400})
    error: Exception = kind(message)
    return error


def invalid(name: str, value: str, constraint: str) -> Exception:
    """A parameter outside its constraint, in the words of AWS."""
    return api_error(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}",
    )
