"""Glue jobs and databases."""

from __future__ import annotations

from pipeline.local.deployer.resources.reasons import CAPACITY, ENCRYPTION
from pipeline.local.deployer.types import Aws, Made, Resource, resource_type


@resource_type(
    "AWS::Glue::Job",
    """Name Description Role Command.Name Command.ScriptLocation Command.PythonVersion DefaultArguments.*
    NonOverridableArguments.* GlueVersion WorkerType NumberOfWorkers MaxRetries Timeout ExecutionClass
    ExecutionProperty.MaxConcurrentRuns SecurityConfiguration Tags.* LogUri""",
    without_effect={
        "WorkerType": CAPACITY,
        "NumberOfWorkers": CAPACITY,
        "ExecutionClass": CAPACITY,
        "SecurityConfiguration": ENCRYPTION,
    },
    fixed="Name",
)
def job(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = previous.reference if previous else resource.name("Name", longest=255)
    given = {key: value for key, value in resource.properties.items() if key not in ("Name", "Tags")}
    if previous is None:
        aws.call("glue", "create_job", Name=name, Tags=resource.tags(), **given)
    else:
        aws.call("glue", "update_job", JobName=name, JobUpdate=given)
    return Made(name)


@resource_type(
    "AWS::Glue::SecurityConfiguration",
    """Name EncryptionConfiguration.*""",
    without_effect={"EncryptionConfiguration": ENCRYPTION},
    fixed="Name",
)
def security_configuration(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = previous.reference if previous else resource.name("Name", longest=255)
    return Made(name)


@resource_type(
    "AWS::Glue::Database",
    "CatalogId DatabaseInput.Name DatabaseInput.Description DatabaseInput.LocationUri DatabaseInput.Parameters.*",
    fixed="CatalogId",
)
def database(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    wanted = resource.properties["DatabaseInput"]
    name = previous.reference if previous else wanted["Name"]
    given = resource.only("CatalogId")
    if previous is None:
        aws.call("glue", "create_database", DatabaseInput=wanted, **given)
    else:
        aws.call("glue", "update_database", Name=name, DatabaseInput=wanted, **given)
    return Made(name)
