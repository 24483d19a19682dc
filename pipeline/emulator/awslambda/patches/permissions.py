"""Lambda in moto: a permission is for the alias or version that it was added to."""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import LambdaBackend

from pipeline.emulator.moto.patch import patch


@patch("moto.awslambda.models:LambdaBackend.add_permission", "d2d038845e06", "moto forgets the alias that an ARN names")
def _add_permission(self: LambdaBackend, function_name: str, qualifier: str | None, raw: str) -> dict[str, Any]:
    """A name, `name:live` or an ARN, as AddPermission takes them; the statement's resource ends in the alias."""
    parts = function_name.split(":")
    named = parts[7:8] if function_name.startswith("arn:") else parts[1:2]
    statement: dict[str, Any] = _add_permission.original(self, function_name, qualifier or "".join(named) or None, raw)
    return statement
