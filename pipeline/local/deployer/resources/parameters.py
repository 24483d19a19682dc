"""Parameter Store."""

from __future__ import annotations

from pipeline.local.deployer.types import Aws, Made, Resource, resource_type


@resource_type("AWS::SSM::Parameter", "Name Type Value Description Tier AllowedPattern Tags.*", fixed="Name Type")
def parameter(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = resource.name("Name", longest=1011)
    given = resource.only("Type", "Value", "Description", "Tier", "AllowedPattern")
    # SSM takes tags only with a parameter that is new.
    tags = {} if previous else {"Tags": [{"Key": key, "Value": value} for key, value in resource.tags().items()]}
    aws.call("ssm", "put_parameter", Name=name, Overwrite=previous is not None, **given, **tags)
    return Made(name, {"Type": str(given["Type"]), "Value": str(given["Value"])})
