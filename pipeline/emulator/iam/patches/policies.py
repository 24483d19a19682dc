"""IAM policies may leave out their version, as those do that the SAM translator writes for an on-failure destination.

moto refuses them, of which AWS's API does so for managed policies only.
"""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.guard import replace


def install() -> None:
    from moto.iam.policy_validation import BaseIAMPolicyValidator

    def validate_version(self: Any) -> None:
        if "Version" in self._policy_json:
            original(self)

    original = replace(BaseIAMPolicyValidator, "_validate_version", validate_version, source="44a05aa2a7a4")
