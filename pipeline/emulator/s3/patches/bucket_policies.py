"""Bucket policies are recorded and not enforced, like every other permission on the embedded AWS.

moto evaluates them and ignores their conditions: a policy that denies what comes without TLS denies everything.
"""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.guard import replace


def install() -> None:
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    def get_permission(self: Any, action: str, resource: str) -> Any:
        found = original(self, action, resource)
        return PermissionResult.NEUTRAL if found == PermissionResult.DENIED else found

    original = replace(FakeBucket, "get_permission", get_permission, source="7571412a3495")
