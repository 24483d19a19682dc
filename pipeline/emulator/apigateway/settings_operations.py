"""The operations of gateway responses, tags and the account."""

from __future__ import annotations

from pipeline.emulator.apigateway.document_responses import TYPES, gateway_response
from pipeline.emulator.apigateway.errors import not_found
from pipeline.emulator.apigateway.operation import operation
from pipeline.emulator.apigateway.patch_operations import change
from pipeline.emulator.apigateway.store import Json, Store


@operation
def put_gateway_response(store: Store, given: Json) -> Json:
    api, kind = store.api(given["restApiId"]), given["responseType"]
    names = ("statusCode", "responseParameters", "responseTemplates")
    kept = {name: given[name] for name in names if given.get(name) is not None}
    gateway_response(kind, kept)
    api.gateway_responses[kind] = kept
    return _shown(kind, kept)


def _shown(kind: str, kept: Json | None) -> Json:
    status = (kept or {}).get("statusCode") or TYPES[kind]
    return {"responseType": kind, **(kept or {}), "statusCode": status and str(status), "defaultResponse": kept is None}


@operation
def get_gateway_response(store: Store, given: Json) -> Json:
    api, kind = store.api(given["restApiId"]), given["responseType"]
    if kind not in TYPES:
        raise not_found("Invalid gateway response type")
    return _shown(kind, api.gateway_responses.get(kind))


@operation
def get_gateway_responses(store: Store, given: Json) -> Json:
    api = store.api(given["restApiId"])
    return {"item": [_shown(kind, api.gateway_responses.get(kind)) for kind in TYPES]}


@operation
def delete_gateway_response(store: Store, given: Json) -> Json:
    if store.api(given["restApiId"]).gateway_responses.pop(given["responseType"], None) is None:
        raise not_found("Gateway response type not defined on api")
    return {}


@operation
def get_account(store: Store, given: Json) -> Json:
    return store.account


@operation
def update_account(store: Store, given: Json) -> Json:
    change(store.account, given.get("patchOperations") or [], {"/cloudwatchRoleArn": str})
    return store.account


@operation
def get_tags(store: Store, given: Json) -> Json:
    return {"tags": dict(_tagged(store, given["resourceArn"]).get("tags") or {})}


@operation
def tag_resource(store: Store, given: Json) -> Json:
    owner = _tagged(store, given["resourceArn"])
    owner["tags"] = {**(owner.get("tags") or {}), **given["tags"]}
    return {}


@operation
def untag_resource(store: Store, given: Json) -> Json:
    owner = _tagged(store, given["resourceArn"])
    gone = given.get("tagKeys") or []
    owner["tags"] = {name: value for name, value in (owner.get("tags") or {}).items() if name not in gone}
    return {}


def _tagged(store: Store, arn: str) -> Json:
    match arn.partition("::/")[2].split("/"):
        case ["restapis", api_id]:
            return store.api(api_id).settings
        case ["restapis", api_id, "stages", name]:
            return store.api(api_id).stage(name)
        case ["apikeys", key_id]:
            return store.key(key_id)
        case ["usageplans", plan_id]:
            return store.plan(plan_id)
    raise not_found("Invalid resource ARN")
