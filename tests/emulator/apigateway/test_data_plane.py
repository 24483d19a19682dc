"""A deployed API over HTTP: an answer from DynamoDB with a key, and what the gateway answers itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.apigateway.conftest import ROLE, Aws, Deploy, Deployed, method_of, mock_of

KEY_SCHEMES = {"securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}}

QUERY = """
{"TableName": "$stageVariables.table", "KeyConditionExpression": "place = :place",
 "ExpressionAttributeValues": {":place": {"S":
   "$util.escapeJavaScript($util.urlDecode($input.params('place'))).replaceAll("\\\\'", "'")"}}}
"""
ANSWER = """
#set($items = $input.path('$.Items'))
#if($items.size() == 0)#set($context.responseOverride.status = 404){"found": false}#else
[#foreach($item in $items)"$util.escapeJavaScript($item.time.S)"#if($foreach.hasNext),#end#end]#end
"""


def query(action: str = "Query", template: str = QUERY) -> dict[str, Any]:
    return {
        "type": "aws",
        "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:eu-west-1:dynamodb:action/{action}",
        "credentials": ROLE,
        "requestTemplates": {"application/json": template},
        "passthroughBehavior": "never",
        "responses": {
            "default": {"statusCode": 200, "responseTemplates": {"application/json": ANSWER}},
            "4\\d{2}": {
                "statusCode": 502,
                "responseTemplates": {"application/json": '{"upstream": "$input.path(\'$.message\').length()"}'},
            },
        },
    }


@pytest.fixture(scope="module")
def table(aws: Aws) -> str:
    dynamodb = aws("dynamodb")
    dynamodb.create_table(
        TableName="places",
        KeySchema=[{"AttributeName": "place", "KeyType": "HASH"}, {"AttributeName": "time", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("place", "time")],
        BillingMode="PAY_PER_REQUEST",
    )
    for place, time in (("Bern", "06:00"), ("Bern", "12:00"), ('O\'Hare "field"', "09:00"), ("a/b", "10:00")):
        dynamodb.put_item(TableName="places", Item={"place": {"S": place}, "time": {"S": time}})
    return "places"


@pytest.fixture
def places(deploy: Deploy, table: str) -> Deployed:
    method = method_of(query(), security=[{"key": []}])
    return deploy(json.dumps({"/places/{place}": {"get": method}}), {"table": table}, components=KEY_SCHEMES)


@pytest.fixture
def key(aws: Aws, places: Deployed) -> str:
    """A key in a plan with the API's stage."""
    gateway = aws("apigateway")
    made = gateway.create_api_key(name="somebody", enabled=True)
    plan = gateway.create_usage_plan(name="all", apiStages=[{"apiId": places.id, "stage": "v1"}])["id"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
    return str(made["value"])


def test_a_query_of_dynamodb_answers_whoever_has_a_key(places: Deployed, key: str) -> None:
    reply = places.ask("/places/Bern", x_api_key=key)
    assert (reply.status, reply.json) == (200, ["06:00", "12:00"])
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-amzn-requestid"]
    assert places.ask("/places/Bern/", x_api_key=key).json == ["06:00", "12:00"]


@pytest.mark.parametrize("headers", [{}, {"x_api_key": "k" * 20}])
def test_who_has_no_good_key_is_forbidden(places: Deployed, headers: dict[str, str]) -> None:
    reply = places.ask("/places/Bern", **headers)
    assert (reply.status, reply.json) == (403, {"message": "Forbidden"})
    assert reply.headers["x-amzn-errortype"] == "ForbiddenException"


def test_a_key_that_is_switched_off_or_in_no_plan_of_the_stage_is_none(places: Deployed, key: str, aws: Aws) -> None:
    gateway = aws("apigateway")
    loose = gateway.create_api_key(name="loose", enabled=True)["value"]
    assert places.ask("/places/Bern", x_api_key=loose).status == 403
    key_id = next(each["id"] for each in gateway.get_api_keys(includeValues=True)["items"] if each["value"] == key)
    gateway.update_api_key(apiKey=key_id, patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}])
    assert places.ask("/places/Bern", x_api_key=key).status == 403


def test_a_path_may_hold_anything_and_asks_for_nothing_but_itself(places: Deployed, key: str) -> None:
    """Quotes and escapes reach DynamoDB as the value that they are; a template in a path is text."""
    assert places.ask("/places/O%27Hare%20%22field%22", x_api_key=key).json == ["09:00"]
    assert places.ask("/places/a%2Fb", x_api_key=key).json == ["10:00"]
    for evil in (
        "%22%7D%2C%22x%22%3A%7B%22S%22%3A%22Bern",
        "$util.parseJson('1')",
        "%23set(%24context.responseOverride.status%3D201)",
        "$stageVariables.table",
        "Bern%5C",
        "%00%0A%0D%E2%80%A8",
    ):
        reply = places.ask(f"/places/{evil}", x_api_key=key)
        assert (reply.status, reply.json) == (404, {"found": False}), evil


def test_an_error_of_dynamodb_is_mapped_by_its_status(deploy: Deploy) -> None:
    api = deploy(json.dumps({"/": {"get": method_of(query(template='{"TableName": "nowhere"}'))}}))
    reply = api.ask("/")
    assert reply.status == 502
    assert int(reply.json["upstream"]) > 0


@pytest.mark.parametrize(("verb", "path"), [("HEAD", "/a"), ("OPTIONS", "/a"), ("POST", "/a"), ("GET", "/b")])
def test_what_is_not_declared_is_not_there(deploy: Deploy, verb: str, path: str) -> None:
    api = deploy(json.dumps({"/a": {"get": method_of(mock_of("a"))}}))
    reply = api.ask(path, verb)
    assert reply.status == 403
    assert "access-control-allow-origin" not in reply.headers
    assert verb == "HEAD" or reply.json == {"message": "Missing Authentication Token"}


def test_an_api_or_a_stage_that_is_not_there_is_forbidden(deploy: Deploy) -> None:
    api = deploy(json.dumps({"/a": {"get": method_of(mock_of("a"))}}))
    assert Deployed(api.front, api.id, "v2").ask("/a").status == 403
    assert Deployed(api.front, "nobody").ask("/a").status == 403


def test_a_stage_serves_what_was_deployed_until_another_deployment(deploy: Deploy, aws: Aws) -> None:
    api = deploy(json.dumps({"/a": {"get": method_of(mock_of("old"))}}))
    gateway = aws("apigateway")
    new = {"openapi": "3.0.1", "info": {}, "paths": {"/a": {"get": method_of(mock_of("new"))}}}
    gateway.put_rest_api(restApiId=api.id, mode="overwrite", body=json.dumps(new).encode())
    assert api.ask("/a").body == "old"
    deployment = gateway.create_deployment(restApiId=api.id)["id"]
    change = [{"op": "replace", "path": "/deploymentId", "value": deployment}]
    gateway.update_stage(restApiId=api.id, stageName="v1", patchOperations=change)
    assert api.ask("/a").body == "new"
