"""Networks, which only AWS has: accepted, so that what a template has for them can be planned here."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import NETWORK
from pipeline.emulator.cloudformation.resource_types import only_on_aws

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
_PERHAPS_REPLACED = {"Subnet": "Ipv6CidrBlock", "VPC": "InstanceTenancy"}
"""What replaces a resource in some cases (its resource schema, conditionalCreateOnlyProperties)."""


for _type in _TYPES:
    only_on_aws(f"AWS::EC2::{_type}", NETWORK, fixed=_PERHAPS_REPLACED.get(_type, ""))
