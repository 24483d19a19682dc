"""The operations of API keys and usage plans."""

from __future__ import annotations

import copy
import secrets

from pipeline.emulator.apigateway.errors import bad_request, conflict, not_found, not_honoured
from pipeline.emulator.apigateway.operation import only, operation
from pipeline.emulator.apigateway.patch_operations import Convert, boolean, change
from pipeline.emulator.apigateway.store import Json, Store, new_id, now

_SHORTEST_KEY = 20
_PERIODS = {"DAY": 1, "WEEK": 7, "MONTH": 28}
"""The days of each period, in which a quota's offset lies."""

_OF_PLANS: dict[str, Convert] = {
    "/name": str,
    "/description": str,
    "/throttle": str,
    "/throttle/rateLimit": float,
    "/throttle/burstLimit": int,
    "/quota": str,
    "/quota/limit": int,
    "/quota/offset": int,
    "/quota/period": str,
}


@operation
def create_api_key(store: Store, given: Json) -> Json:
    only(given, "name description enabled value tags customerId generateDistinctId", "an API key")
    value = given.get("value") or secrets.token_urlsafe(30)
    if len(value) < _SHORTEST_KEY:
        raise bad_request(f"API Key value should be at least {_SHORTEST_KEY} characters")
    if any(key["value"] == value for key in store.keys.values()):
        raise conflict("API Key already exists")
    kept = {name: given[name] for name in ("name", "description", "tags", "customerId") if given.get(name)}
    times = {"createdDate": now(), "lastUpdatedDate": now()}
    key = {"id": new_id(), "value": value, "enabled": bool(given.get("enabled")), **kept, **times, "stageKeys": []}
    store.keys[key["id"]] = key
    return key


@operation
def get_api_key(store: Store, given: Json) -> Json:
    return _shown(store.key(given["apiKey"]), bool(given.get("includeValue")))


@operation
def get_api_keys(store: Store, given: Json) -> Json:
    found = [key for key in store.keys.values() if str(key.get("name", "")).startswith(given.get("nameQuery") or "")]
    return {"item": [_shown(key, bool(given.get("includeValues"))) for key in found]}


def _shown(key: Json, with_value: bool) -> Json:
    return key if with_value else {name: value for name, value in key.items() if name != "value"}


@operation
def update_api_key(store: Store, given: Json) -> Json:
    key = store.key(given["apiKey"])
    allowed: dict[str, Convert] = {"/name": str, "/description": str, "/enabled": boolean, "/customerId": str}
    change(key, given.get("patchOperations") or [], allowed)
    key["lastUpdatedDate"] = now()
    return _shown(key, False)


@operation
def delete_api_key(store: Store, given: Json) -> Json:
    store.key(given["apiKey"])
    del store.keys[given["apiKey"]]
    for keys in store.keys_of_plans.values():
        if given["apiKey"] in keys:
            keys.remove(given["apiKey"])
    return {}


@operation
def create_usage_plan(store: Store, given: Json) -> Json:
    only(given, "name description apiStages throttle quota tags", "a usage plan")
    kept = {name: given[name] for name in ("name", "description", "throttle", "quota", "tags") if given.get(name)}
    plan = {"id": new_id(6), **kept, "apiStages": list(given.get("apiStages") or [])}
    _check_plan(store, plan)
    store.plans[plan["id"]] = plan
    store.keys_of_plans[plan["id"]] = []
    return plan


def _check_plan(store: Store, plan: Json) -> None:
    for each in plan["apiStages"]:
        if each.get("throttle"):
            raise not_honoured("throttle of a usage plan's single stage and method")
        store.api(each["apiId"]).stage(each["stage"])
    throttle, quota = plan.get("throttle") or {}, plan.get("quota")
    if any(value < 0 for value in throttle.values()):
        raise bad_request("Usage Plan throttle must not be negative")
    if quota is None:
        return
    if quota.get("period") not in _PERIODS:
        raise bad_request("Usage Plan quota period must be DAY, WEEK or MONTH")
    if quota.get("limit", 0) < 1:
        raise bad_request("Usage Plan quota limit must be at least 1")
    if not 0 <= quota.get("offset", 0) < _PERIODS[quota["period"]]:
        raise bad_request(f"Usage Plan quota offset must be zero in the range [0, {_PERIODS[quota['period']] - 1}]")


@operation
def get_usage_plan(store: Store, given: Json) -> Json:
    return store.plan(given["usagePlanId"])


@operation
def get_usage_plans(store: Store, given: Json) -> Json:
    key = given.get("keyId")
    return {"item": [plan for plan in store.plans.values() if key is None or key in store.keys_of_plans[plan["id"]]]}


@operation
def update_usage_plan(store: Store, given: Json) -> Json:
    plan = store.plan(given["usagePlanId"])
    changed = copy.deepcopy(plan)
    for each in given.get("patchOperations") or []:
        if each.get("path") == "/apiStages":
            _change_stages(changed, each)
        else:
            change(changed, [each], _OF_PLANS)
    _check_plan(store, changed)
    plan.clear()
    plan.update(changed)
    return plan


def _change_stages(plan: Json, each: Json) -> None:
    api_id, colon, stage = str(each.get("value", "")).partition(":")
    named = {"apiId": api_id, "stage": stage}
    if not colon or each.get("op") not in ("add", "remove"):
        raise bad_request("Invalid patch path /apiStages: the value is <api id>:<stage>")
    if each["op"] == "add" and named not in plan["apiStages"]:
        plan["apiStages"].append(named)
    if each["op"] == "remove" and named in plan["apiStages"]:
        plan["apiStages"].remove(named)


@operation
def delete_usage_plan(store: Store, given: Json) -> Json:
    plan = store.plan(given["usagePlanId"])
    if plan["apiStages"]:
        raise bad_request(f"Cannot delete Usage Plan {plan['id']} because it has associated stages")
    del store.plans[plan["id"]], store.keys_of_plans[plan["id"]]
    return {}


@operation
def create_usage_plan_key(store: Store, given: Json) -> Json:
    store.plan(given["usagePlanId"])
    if given["keyType"] != "API_KEY":
        raise bad_request(f"Invalid key type {given['keyType']}")
    store.key(given["keyId"])
    keys = store.keys_of_plans[given["usagePlanId"]]
    if given["keyId"] in keys:
        raise conflict("Usage Plan already has this key")
    if any(_share_a_stage(store, given["usagePlanId"], plan) for plan in _plans_of(store, given["keyId"])):
        raise conflict("The key is in a usage plan that has the same stage")
    keys.append(given["keyId"])
    return _plan_key(store, given["keyId"])


def _plans_of(store: Store, key_id: str) -> list[str]:
    return [plan for plan, keys in store.keys_of_plans.items() if key_id in keys]


def _share_a_stage(store: Store, first: str, second: str) -> bool:
    return any(each in store.plans[second]["apiStages"] for each in store.plans[first]["apiStages"])


def _plan_key(store: Store, key_id: str) -> Json:
    key = store.key(key_id)
    return {"id": key_id, "type": "API_KEY", "name": key.get("name"), "value": key["value"]}


@operation
def get_usage_plan_key(store: Store, given: Json) -> Json:
    store.plan(given["usagePlanId"])
    if given["keyId"] not in store.keys_of_plans[given["usagePlanId"]]:
        raise not_found("Invalid API Key identifier specified")
    return _plan_key(store, given["keyId"])


@operation
def get_usage_plan_keys(store: Store, given: Json) -> Json:
    store.plan(given["usagePlanId"])
    return {"item": [_plan_key(store, key) for key in store.keys_of_plans[given["usagePlanId"]]]}


@operation
def delete_usage_plan_key(store: Store, given: Json) -> Json:
    get_usage_plan_key(store, given)
    store.keys_of_plans[given["usagePlanId"]].remove(given["keyId"])
    return {}
