"""REST APIs, their deployments, stages and gateway responses, and the account. Keys and plans: `usage_resources`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.emulator.cloudformation.reasons import API_ADDRESS, API_LOGS, IAM
from pipeline.emulator.cloudformation.resource_types import (
    Aws,
    Made,
    Resource,
    nowhere,
    resource_type,
    text,
)
from pipeline.emulator.cloudformation.tags import retag

SERVICE = "apigateway"

Patch = dict[str, str]


def replaced(values: Mapping[str, Any]) -> list[Patch]:
    """Patch operations that set these paths."""
    return [{"op": "replace", "path": path, "value": text(value)} for path, value in values.items()]


def removed(*paths: str) -> list[Patch]:
    """Patch operations that take these paths away."""
    return [{"op": "remove", "path": path} for path in paths]


def arn(aws: Aws, path: str) -> str:
    """The ARN of something of API Gateway's, which has no account."""
    return f"arn:{aws.partition}:{SERVICE}:{aws.region}::/{path}"


def _find_api(aws: Aws, resource: Resource) -> str | None:
    """APIs of one name may be many: that of this resource is the one that it has tagged."""
    pages = aws.clients(SERVICE).get_paginator("get_rest_apis").paginate()
    mark = _mark(resource)
    return next((api["id"] for page in pages for api in page["items"] if _marked(api, mark)), None)


def _mark(resource: Resource) -> str:
    return f"{resource.stack}/{resource.logical_id}/{resource.generation}"


def _marked(owner: Mapping[str, Any], mark: str) -> bool:
    return bool((owner.get("tags") or {}).get(MARK) == mark)


MARK = "sluice:made-by"
"""The tag by which what has no name of its own is found again, as CloudFormation marks what it makes."""


def _delete_api(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call(SERVICE, "delete_rest_api", restApiId=made.reference)


@resource_type(
    "AWS::ApiGateway::RestApi",
    "Name Description Body.* EndpointConfiguration.Types[] Parameters.* Tags.*",
    without_effect={
        "EndpointConfiguration": API_ADDRESS,
        "FailOnWarnings": "what is not honoured is always refused",
        "DisableExecuteApiEndpoint": API_ADDRESS,
        "Parameters": API_ADDRESS,
    },
    delete=_delete_api,
    find=_find_api,
)
def rest_api(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """An API, with the document that it is made of."""
    given = resource.properties
    body = given.get("Body")
    name = given.get("Name") or ((body or {}).get("info") or {}).get("title") or resource.name("Name")
    if previous is None:
        tags = {**resource.tags(), MARK: _mark(resource)}
        endpoint = {"types": list((given.get("EndpointConfiguration") or {}).get("Types") or ["EDGE"])}
        api = aws.call(
            SERVICE,
            "create_rest_api",
            name=name,
            tags=tags,
            endpointConfiguration=endpoint,
            **({"description": given["Description"]} if "Description" in given else {}),
        )
    else:
        api = aws.call(SERVICE, "get_rest_api", restApiId=previous.reference)
        changes = replaced({"/name": name, "/description": given.get("Description", "")})
        aws.call(SERVICE, "update_rest_api", restApiId=api["id"], patchOperations=changes)
        retag(aws, resource, SERVICE, resourceArn=arn(aws, f"restapis/{api['id']}"))
    if body:
        aws.clients(SERVICE).put_rest_api(restApiId=api["id"], mode="overwrite", body=json.dumps(body).encode())
    return Made(api["id"], {"RestApiId": api["id"], "RootResourceId": api["rootResourceId"]})


def _delete_deployment(aws: Aws, resource: Resource, made: Made) -> None:
    api = resource.properties["RestApiId"]
    aws.call(SERVICE, "delete_deployment", restApiId=api, deploymentId=made.reference)


@resource_type(
    "AWS::ApiGateway::Deployment",
    "RestApiId Description",
    delete=_delete_deployment,
    find=nowhere,
)
def deployment(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """An API as it stands; a change of the API alone makes no other."""
    if previous is not None:
        return previous
    made = aws.call(
        SERVICE,
        "create_deployment",
        restApiId=resource.properties["RestApiId"],
        description=resource.properties.get("Description", ""),
    )
    return Made(made["id"], {"DeploymentId": made["id"]})


def _delete_stage(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call(SERVICE, "delete_stage", restApiId=resource.properties["RestApiId"], stageName=made.reference)


_SETTINGS = {
    "ThrottlingRateLimit": "throttling/rateLimit",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "LoggingLevel": "logging/loglevel",
    "DataTraceEnabled": "logging/dataTrace",
    "MetricsEnabled": "metrics/enabled",
}
_LOGS = {"DestinationArn": "destinationArn", "Format": "format"}


@resource_type(
    "AWS::ApiGateway::Stage",
    "RestApiId StageName DeploymentId Description Variables.* Tags.* AccessLogSetting.DestinationArn "
    "AccessLogSetting.Format MethodSettings[].ResourcePath MethodSettings[].HttpMethod "
    + " ".join(f"MethodSettings[].{name}" for name in _SETTINGS),
    without_effect={
        "MethodSettings[].LoggingLevel": API_LOGS,
        "MethodSettings[].DataTraceEnabled": API_LOGS,
        "MethodSettings[].MetricsEnabled": API_LOGS,
        "TracingEnabled": "no traces are recorded",
    },
    delete=_delete_stage,
    find=lambda aws, resource: str(resource.properties["StageName"]),
)
def stage(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A stage, which serves a deployment."""
    given = resource.properties
    api, name = given["RestApiId"], given["StageName"]
    whose = {"restApiId": api, "stageName": name}
    if previous is None:
        aws.call(SERVICE, "create_stage", **whose, deploymentId=given["DeploymentId"], tags=resource.tags())
    else:
        retag(aws, resource, SERVICE, resourceArn=arn(aws, f"restapis/{api}/stages/{name}"))
    changes = [*_gone(resource), *replaced({"/deploymentId": given["DeploymentId"], **_wanted(given)})]
    aws.call(SERVICE, "update_stage", **whose, patchOperations=changes)
    return Made(name)


def _wanted(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a stage has, by the path of its patch operation."""
    found = {"/description": given.get("Description", "")}
    found |= {f"/variables/{name}": value for name, value in (given.get("Variables") or {}).items()}
    for name, value in (given.get("AccessLogSetting") or {}).items():
        found[f"/accessLogSettings/{_LOGS[name]}"] = value
    return found | dict(_settings(given))


def _settings(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for each in given.get("MethodSettings") or []:
        path = str(each.get("ResourcePath", "/*"))
        # A template writes the path with its first slash, and the others as ~1; /* stands for all.
        path = "*" if path == "/*" else path.removeprefix("/") if path.startswith("/~1") else path.replace("/", "~1")
        for name, end in _SETTINGS.items():
            if name in each:
                yield f"/{path}/{each.get('HttpMethod', '*')}/{end}", each[name]


def _gone(resource: Resource) -> list[Patch]:
    if not resource.before:
        return []
    now = _wanted(resource.properties)
    gone = [path for path in _wanted(resource.before) if path not in now]
    return removed(*gone)


def _response_reference(resource: Resource) -> str:
    return f"{resource.properties['RestApiId']}:{resource.properties['ResponseType']}"


def _delete_response(aws: Aws, resource: Resource, made: Made) -> None:
    api, kind = resource.properties["RestApiId"], resource.properties["ResponseType"]
    aws.call(SERVICE, "delete_gateway_response", restApiId=api, responseType=kind)


@resource_type(
    "AWS::ApiGateway::GatewayResponse",
    "RestApiId ResponseType StatusCode ResponseParameters.* ResponseTemplates.*",
    delete=_delete_response,
    find=lambda aws, resource: _response_reference(resource),
)
def gateway_response(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """What the gateway answers for an error; deployments that are made after it have it."""
    given = resource.properties
    names = {
        "StatusCode": "statusCode",
        "ResponseParameters": "responseParameters",
        "ResponseTemplates": "responseTemplates",
    }
    aws.call(
        SERVICE,
        "put_gateway_response",
        restApiId=given["RestApiId"],
        responseType=given["ResponseType"],
        **{names[name]: value for name, value in resource.only(*names).items()},
    )
    return Made(_response_reference(resource), {"Id": _response_reference(resource)})


def _delete_account(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call(SERVICE, "update_account", patchOperations=replaced({"/cloudwatchRoleArn": ""}))


@resource_type(
    "AWS::ApiGateway::Account",
    "CloudWatchRoleArn",
    without_effect={"CloudWatchRoleArn": IAM},
    delete=_delete_account,
    find=lambda aws, resource: resource.logical_id,
)
def account(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """The account's role for logs: one, whoever names it last."""
    role = resource.properties.get("CloudWatchRoleArn", "")
    aws.call(SERVICE, "update_account", patchOperations=replaced({"/cloudwatchRoleArn": role}))
    return Made(resource.logical_id, {"Id": resource.logical_id})
