"""Lake Formation, which only AWS has: accepted, so that what its setting adds to the stacks can be planned here."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import LAKE_FORMATION
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, nothing, nowhere, resource_type

_FIXED = {
    "AWS::LakeFormation::Resource": "ResourceArn",
    "AWS::LakeFormation::PrincipalPermissions": "Catalog Principal Resource Permissions PermissionsWithGrantOption",
}
"""Which properties CloudFormation changes by replacing (its resource schemas, createOnlyProperties)."""


def _not_made(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    return Made(resource.name("Name"))


for _type, _properties in _FIXED.items():
    resource_type(_type, "*", without_effect={"": LAKE_FORMATION}, fixed=_properties, delete=nothing, find=nowhere)(
        _not_made
    )
