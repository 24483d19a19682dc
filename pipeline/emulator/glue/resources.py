"""Glue jobs and databases."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import CAPACITY, ENCRYPTION, EVENT_LOGS
from pipeline.emulator.cloudformation.resource_types import (
    Aws,
    Made,
    Resource,
    by_reference,
    is_there,
    nothing,
    resource_type,
)
from pipeline.emulator.cloudformation.tags import retag


def _name(aws: Aws, resource: Resource) -> str:
    return resource.name("Name", longest=255)


@resource_type(
    "AWS::Glue::Job",
    """Name Description Role Command.Name Command.ScriptLocation Command.PythonVersion DefaultArguments.*
    NonOverridableArguments.* GlueVersion WorkerType NumberOfWorkers MaxRetries Timeout ExecutionClass
    ExecutionProperty.MaxConcurrentRuns JobRunQueuingEnabled SecurityConfiguration Tags.* LogUri""",
    without_effect={
        "DefaultArguments.--enable-spark-ui": EVENT_LOGS,
        "DefaultArguments.--spark-event-logs-path": EVENT_LOGS,
        "WorkerType": CAPACITY,
        "NumberOfWorkers": CAPACITY,
        "ExecutionClass": CAPACITY,
        "SecurityConfiguration": ENCRYPTION,
    },
    delete=by_reference("glue", "delete_job", "JobName"),
    find=_name,
)
def job(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A job; its runs share the lake's Spark."""
    name = previous.reference if previous else _name(aws, resource)
    given = {key: value for key, value in resource.properties.items() if key not in ("Name", "Tags")}
    if previous is None:
        if is_there(aws, "glue", "get_job", JobName=name):
            raise resource.taken(name)
        aws.call("glue", "create_job", Name=name, Tags=resource.tags(), **given)
    else:
        aws.call("glue", "update_job", JobName=name, JobUpdate=given)
        retag(aws, resource, "glue", ResourceArn=aws.arn("glue", f"job/{name}"))
    return Made(name)


@resource_type(
    "AWS::Glue::SecurityConfiguration",
    """Name EncryptionConfiguration.*""",
    without_effect={"EncryptionConfiguration": ENCRYPTION},
    # It is not made: nothing is encrypted.
    delete=nothing,
    find=_name,
)
def security_configuration(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """Accepted by its name: nothing is encrypted here."""
    return Made(previous.reference if previous else _name(aws, resource))


@resource_type(
    "AWS::Glue::Crawler",
    """Name Description Role Targets.CatalogTargets[].DatabaseName Targets.CatalogTargets[].Tables
    SchemaChangePolicy.UpdateBehavior SchemaChangePolicy.DeleteBehavior RecrawlPolicy.RecrawlBehavior Configuration
    DatabaseName TablePrefix""",
    delete=by_reference("glue", "delete_crawler", "Name"),
    find=_name,
)
def crawler(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A crawler of tables that are in the catalog; it waits to be started."""
    name = previous.reference if previous else _name(aws, resource)
    given = {key: value for key, value in resource.properties.items() if key != "Name"}
    if previous is None:
        if is_there(aws, "glue", "get_crawler", Name=name):
            raise resource.taken(name)
        aws.call("glue", "create_crawler", Name=name, **given)
    else:
        aws.call("glue", "update_crawler", Name=name, **given)
    return Made(name)


def _database_name(aws: Aws, resource: Resource) -> str:
    return str(resource.properties["DatabaseInput"]["Name"])


@resource_type(
    "AWS::Glue::Database",
    "CatalogId DatabaseInput.Name DatabaseInput.Description DatabaseInput.LocationUri DatabaseInput.Parameters.*",
    fixed="DatabaseInput.Name",
    unchangeable="CatalogId",
    # Glue deletes a database with its tables; what lies in their buckets stays.
    delete=by_reference("glue", "delete_database", "Name", "CatalogId"),
    find=_database_name,
)
def database(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A database of the catalog."""
    wanted = resource.properties["DatabaseInput"]
    name = _database_name(aws, resource)
    given = resource.only("CatalogId")
    if previous is None:
        aws.call("glue", "create_database", DatabaseInput=wanted, **given)
    else:
        aws.call("glue", "update_database", Name=name, DatabaseInput=wanted, **given)
    return Made(name)
