"""Parameter Store."""

from __future__ import annotations

from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, by_reference, resource_type
from pipeline.emulator.cloudformation.tags import listed, retag


def _name(aws: Aws, resource: Resource) -> str:
    return resource.name("Name", longest=1011)


@resource_type(
    "AWS::SSM::Parameter",
    "Name Type Value Description Tier AllowedPattern Tags.*",
    resets={"Description": "", "AllowedPattern": ""},
    delete=by_reference("ssm", "delete_parameter", "Name"),
    find=_name,
)
def parameter(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A parameter."""
    name = previous.reference if previous else _name(aws, resource)
    given = resource.only("Type", "Value", "Description", "Tier", "AllowedPattern")
    # SSM takes tags only with a parameter that is new.
    tags = {} if previous else {"Tags": listed(resource.tags())}
    aws.call("ssm", "put_parameter", Name=name, Overwrite=previous is not None, **given, **tags)
    if previous:
        retag(aws, resource, "ssm", ResourceType="Parameter", ResourceId=name)
    return Made(name, {"Type": str(given["Type"]), "Value": str(given["Value"])})
