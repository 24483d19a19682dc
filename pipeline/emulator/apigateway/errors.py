"""Errors of API Gateway's own API, in the form that its clients read."""

from __future__ import annotations

PAGE = "docs/reference/embedded-aws.md"


class ApiError(Exception):
    """An answer of the control plane that is an error: AWS's name of it, and its status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def bad_request(message: str) -> ApiError:
    """What AWS says of input that is wrong."""
    return ApiError("BadRequestException", message)


def not_found(message: str) -> ApiError:
    """What AWS says of what is not there."""
    return ApiError("NotFoundException", message, 404)


def conflict(message: str) -> ApiError:
    """What AWS says where something is in the way."""
    return ApiError("ConflictException", message, 409)


def not_honoured(what: str, where: str = "") -> ApiError:
    """What AWS would do and the embedded one does not: refused, with its name and its place."""
    told = f"The embedded AWS does not honour {what}"
    return bad_request(f"{told} ({where}). What it does: {PAGE}." if where else f"{told}. What it does: {PAGE}.")
