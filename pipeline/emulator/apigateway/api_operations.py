"""The operations of APIs, their deployments and their stages.

An API is made of an OpenAPI document, whole: what builds one call by call (CreateResource, PutMethod) is refused.
"""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import yaml

from pipeline.emulator.apigateway.access_logs import check_access_log
from pipeline.emulator.apigateway.document import read_document
from pipeline.emulator.apigateway.document_responses import gateway_response
from pipeline.emulator.apigateway.errors import bad_request, conflict, not_found, not_honoured
from pipeline.emulator.apigateway.operation import only, operation
from pipeline.emulator.apigateway.patch_operations import Convert, boolean, change, unescaped
from pipeline.emulator.apigateway.store import Deployment, Json, RestApi, Store, new_id, now

_STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SETTINGS: dict[str, tuple[str, Convert]] = {
    "throttling/rateLimit": ("throttlingRateLimit", float),
    "throttling/burstLimit": ("throttlingBurstLimit", int),
    "logging/loglevel": ("loggingLevel", str),
    "logging/dataTrace": ("dataTraceEnabled", boolean),
    "metrics/enabled": ("metricsEnabled", boolean),
}
"""What can be set for methods of a stage, by the end of the patch operation's path."""

_OF_STAGES: dict[str, Convert] = {
    "/deploymentId": str,
    "/description": str,
    "/variables/*": str,
    "/accessLogSettings": str,
    "/accessLogSettings/destinationArn": str,
    "/accessLogSettings/format": str,
}


@operation
def create_rest_api(store: Store, given: Json) -> Json:
    only(given, "name description version apiKeySource endpointConfiguration tags", "a new API")
    if given.get("apiKeySource", "HEADER") != "HEADER":
        raise not_honoured("API keys from an authorizer", "apiKeySource")
    endpoint = given.get("endpointConfiguration") or {"types": ["EDGE"]}
    if endpoint.get("types", ["REGIONAL"]) not in (["REGIONAL"], ["EDGE"]) or endpoint.get("vpcEndpointIds"):
        raise not_honoured(f"endpoints of type {', '.join(endpoint['types'])}", "endpointConfiguration")
    made = {**given, "id": new_id(), "createdDate": now(), "apiKeySource": "HEADER", "rootResourceId": new_id()}
    store.apis[made["id"]] = RestApi({**made, "endpointConfiguration": endpoint, "disableExecuteApiEndpoint": False})
    return store.apis[made["id"]].settings


@operation
def import_rest_api(store: Store, given: Json) -> Json:
    read = read_document(_document(given["body"]))
    made = create_rest_api(store, {"name": read.title, "endpointConfiguration": _endpoint(given)})
    store.apis[made["id"]].imported = read
    return made


def _endpoint(given: Json) -> Json:
    types = (given.get("parameters") or {}).get("endpointConfigurationTypes")
    return {"types": [types]} if types else {"types": ["EDGE"]}


@operation
def put_rest_api(store: Store, given: Json) -> Json:
    api = store.api(given["restApiId"])
    if given.get("mode", "merge") != "overwrite" and api.imported is not None:
        raise not_honoured("PutRestApi with mode merge into an API that has a document: overwrite it")
    api.imported = read_document(_document(given["body"]))
    return api.settings


def _document(body: bytes) -> Any:
    try:
        return yaml.safe_load(body)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise bad_request(f"Invalid OpenAPI input: {error}") from error


@operation
def get_rest_api(store: Store, given: Json) -> Json:
    return store.api(given["restApiId"]).settings


@operation
def get_rest_apis(store: Store, given: Json) -> Json:
    return {"item": [api.settings for api in store.apis.values()]}


@operation
def update_rest_api(store: Store, given: Json) -> Json:
    settings = store.api(given["restApiId"]).settings
    change(settings, given.get("patchOperations") or [], {"/name": str, "/description": str})
    return settings


@operation
def delete_rest_api(store: Store, given: Json) -> Json:
    api = store.api(given["restApiId"])
    if used := [plan["id"] for plan in store.plans.values() if _uses(plan, api.id)]:
        raise bad_request(f"Usage plan {used[0]} has stages of API {api.id}: take them off it first")
    del store.apis[api.id]
    return {}


def _uses(plan: Json, api_id: str, stage: str | None = None) -> bool:
    return any(each["apiId"] == api_id and stage in (None, each["stage"]) for each in plan["apiStages"])


@operation
def create_deployment(store: Store, given: Json) -> Json:
    only(given, "restApiId description stageName variables", "a deployment")
    api = store.api(given["restApiId"])
    if api.imported is None or not api.imported.methods:
        raise bad_request("The REST API doesn't contain any methods")
    settings = {"id": new_id(6), "createdDate": now(), "description": given.get("description", "")}
    own = {kind: gateway_response(kind, each) for kind, each in api.gateway_responses.items()}
    deployed = replace(api.imported, gateway_responses={**api.imported.gateway_responses, **own})
    api.deployments[settings["id"]] = Deployment(settings, deployed)
    if name := given.get("stageName"):
        if name in api.stages:
            api.stages[name]["deploymentId"] = settings["id"]
        else:
            stage = {"restApiId": api.id, "stageName": name, "deploymentId": settings["id"]}
            create_stage(store, {**stage, "variables": given.get("variables") or {}})
    return settings


@operation
def get_deployment(store: Store, given: Json) -> Json:
    return _deployment(store.api(given["restApiId"]), given["deploymentId"]).settings


@operation
def get_deployments(store: Store, given: Json) -> Json:
    return {"item": [each.settings for each in store.api(given["restApiId"]).deployments.values()]}


@operation
def delete_deployment(store: Store, given: Json) -> Json:
    api = store.api(given["restApiId"])
    _deployment(api, given["deploymentId"])
    if any(stage["deploymentId"] == given["deploymentId"] for stage in api.stages.values()):
        raise bad_request("Active stages pointing to this deployment must be moved or deleted")
    del api.deployments[given["deploymentId"]]
    return {}


def _deployment(api: RestApi, deployment_id: str) -> Deployment:
    if deployment_id not in api.deployments:
        raise not_found("Invalid Deployment identifier specified")
    return api.deployments[deployment_id]


@operation
def create_stage(store: Store, given: Json) -> Json:
    only(given, "restApiId stageName deploymentId description variables tags", "a stage")
    api, name = store.api(given["restApiId"]), given["stageName"]
    if not _STAGE_NAME.fullmatch(name):
        raise bad_request("Stage name only allows a-zA-Z0-9_-")
    if name in api.stages:
        raise conflict("Stage already exists")
    _deployment(api, given["deploymentId"])
    kept = {key: value for key, value in given.items() if key != "restApiId"}
    api.stages[name] = {"variables": {}, "methodSettings": {}, **kept, "createdDate": now(), "lastUpdatedDate": now()}
    return api.stages[name]


@operation
def get_stage(store: Store, given: Json) -> Json:
    return store.api(given["restApiId"]).stage(given["stageName"])


@operation
def get_stages(store: Store, given: Json) -> Json:
    return {"item": list(store.api(given["restApiId"]).stages.values())}


@operation
def update_stage(store: Store, given: Json) -> Json:
    api = store.api(given["restApiId"])
    stage = api.stage(given["stageName"])
    changed = copy.deepcopy(stage)
    for each in given.get("patchOperations") or []:
        path = [unescaped(step) for step in str(each.get("path", "")).split("/")[1:]]
        if found := _SETTINGS.get("/".join(path[2:])):
            name, convert = found
            of_method = changed["methodSettings"].setdefault("/".join(path[:2]), {})
            change(of_method, [{**each, "path": f"/{name}"}], {f"/{name}": convert})
        else:
            change(changed, [each], _OF_STAGES)
    _deployment(api, changed["deploymentId"])
    check_access_log(changed.get("accessLogSettings"))
    stage.clear()
    stage.update(changed, lastUpdatedDate=now())
    return stage


@operation
def delete_stage(store: Store, given: Json) -> Json:
    api, name = store.api(given["restApiId"]), given["stageName"]
    api.stage(name)
    if used := [plan["id"] for plan in store.plans.values() if _uses(plan, api.id, name)]:
        raise bad_request(f"Usage plan {used[0]} has stage {name} of API {api.id}: take it off it first")
    del api.stages[name]
    return {}
