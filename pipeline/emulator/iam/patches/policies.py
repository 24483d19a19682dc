"""IAM policies may leave out their version, as those do that the SAM translator writes for an on-failure destination.

moto refuses them, of which AWS's API does so for managed policies only.
"""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import patch


@patch("moto.iam.policy_validation:BaseIAMPolicyValidator._validate_version", "44a05aa2a7a4", "moto asks for a version")
def _validate_version(self: Any) -> None:
    if "Version" in self._policy_json:
        _validate_version.original(self)
