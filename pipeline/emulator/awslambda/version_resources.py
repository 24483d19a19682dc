"""Published versions of functions, and the aliases that lead to them."""

from __future__ import annotations

from pipeline.emulator.cloudformation.resource_types import AlreadyExists, Aws, Made, Resource, nowhere, resource_type


def _delete_version(aws: Aws, resource: Resource, made: Made) -> None:
    function, _, number = made.reference.rpartition(":")
    aws.call("lambda", "delete_function", FunctionName=function, Qualifier=number)


@resource_type(
    "AWS::Lambda::Version",
    "FunctionName Description",
    delete=_delete_version,
    find=nowhere,
)
def function_version(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """As on AWS, a version that serves already is no new one: what made another of it changed nothing of the function.

    One that no alias leads to is what a deployment that was killed left behind.
    """
    function = resource.properties["FunctionName"]
    answer = aws.call("lambda", "publish_version", FunctionName=function, **resource.only("Description"))
    number = answer["Version"]
    aliases = aws.call("lambda", "list_aliases", FunctionName=function)["Aliases"]
    if number in (alias["FunctionVersion"] for alias in aliases):
        raise AlreadyExists(
            f"{resource.place}: A version for this Lambda function exists ( {number} ). "
            "Modify the function to create a new version."
        )
    return Made(answer["FunctionArn"], {"Version": number, "FunctionArn": answer["FunctionArn"]})


def _function_alias_arn(aws: Aws, resource: Resource) -> str:
    function = str(resource.properties["FunctionName"])
    arn = function if function.startswith("arn:") else aws.arn("lambda", f"function:{function}")
    return f"{arn}:{resource.properties['Name']}"


def _delete_function_alias(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call("lambda", "delete_alias", **resource.only("FunctionName", "Name"))


@resource_type(
    "AWS::Lambda::Alias",
    "FunctionName FunctionVersion Name Description",
    resets={"Description": ""},
    delete=_delete_function_alias,
    find=_function_alias_arn,
)
def function_alias(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A name that leads to a published version."""
    given = resource.only("FunctionName", "FunctionVersion", "Name", "Description")
    arn = aws.call("lambda", "update_alias" if previous else "create_alias", **given)["AliasArn"]
    return Made(arn, {"AliasArn": arn})
