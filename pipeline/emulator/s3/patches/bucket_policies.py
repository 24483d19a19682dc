"""Bucket policies are recorded and not enforced, like every other permission on the embedded AWS.

moto evaluates them and ignores their conditions: a policy that denies what comes without TLS denies everything.
"""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import patch


@patch("moto.s3.models:FakeBucket.get_permission", "7571412a3495", "moto ignores a policy's conditions")
def _get_permission(self: Any, action: str, resource: str) -> Any:
    from moto.iam.access_control import PermissionResult

    found = _get_permission.original(self, action, resource)
    return PermissionResult.NEUTRAL if found == PermissionResult.DENIED else found
