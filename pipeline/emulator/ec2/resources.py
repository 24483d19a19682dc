"""Networks, which only AWS has: accepted, so that what a template has for them can be planned here."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import NETWORK
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, nothing, nowhere, resource_type

_TYPES = (
    "FlowLog",
    "RouteTable",
    "SecurityGroup",
    "SecurityGroupEgress",
    "SecurityGroupIngress",
    "Subnet",
    "SubnetRouteTableAssociation",
    "VPC",
    "VPCEndpoint",
)


def _not_made(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    return Made(resource.name("Name"))


for _type in _TYPES:
    resource_type(f"AWS::EC2::{_type}", "*", without_effect={"": NETWORK}, delete=nothing, find=nowhere)(_not_made)
