"""Lake Formation, which only AWS has: accepted, so that what its setting adds to the stacks can be planned here."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import LAKE_FORMATION
from pipeline.emulator.cloudformation.resource_types import only_on_aws

for _type in ("PrincipalPermissions", "Resource"):
    only_on_aws(f"AWS::LakeFormation::{_type}", LAKE_FORMATION)
