"""What API Gateway does around an integration, by its developer guide; each case names the part of the guide."""

from __future__ import annotations

import json
import time
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from pipeline.core.lake_key import own_key
from tests.emulator.apigateway.conftest import REGION, Aws, Deploy, Deployed, Reply, method_of, mock_of

SCHEMES = {
    "securitySchemes": {
        "key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
        "iam": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "x-amazon-apigateway-authtype": "awsSigv4",
        },
    }
}


def deployed(deploy: Deploy, methods: dict[str, Any], path: str = "/a", **more: Any) -> Deployed:
    return deploy(json.dumps({path: methods}), **more)


def with_key(aws: Aws, api: Deployed, **plan: Any) -> str:
    gateway = aws("apigateway")
    key = gateway.create_api_key(name="k", enabled=True)
    stages = [{"apiId": api.id, "stage": api.stage}]
    made = gateway.create_usage_plan(name="p", apiStages=stages, **plan)
    gateway.create_usage_plan_key(usagePlanId=made["id"], keyId=key["id"], keyType="API_KEY")
    return str(key["value"])


def keyed(deploy: Deploy) -> Deployed:
    return deployed(deploy, {"get": method_of(mock_of("a"), security=[{"key": []}])}, components=SCHEMES)


def test_a_plan_that_is_used_up_says_429_for_the_period(deploy: Deploy, aws: Aws) -> None:
    """Usage plans: quota."""
    api = keyed(deploy)
    key = with_key(aws, api, quota={"limit": 2, "period": "MONTH"})
    replies = [api.ask("/a", x_api_key=key) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[2].json == {"message": "Limit Exceeded"}
    assert replies[2].headers["x-amzn-errortype"] == "LimitExceededException"


def test_a_key_is_throttled_by_its_plan_and_another_is_not(deploy: Deploy, aws: Aws) -> None:
    """Usage plans: throttle. Not a thousandth of a request comes back while the test runs."""
    api = keyed(deploy)
    slow, quick = with_key(aws, api, throttle={"rateLimit": 0.00001, "burstLimit": 2}), with_key(aws, api)
    replies = [api.ask("/a", x_api_key=slow) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[2].json == {"message": "Too Many Requests"}
    assert api.ask("/a", x_api_key=quick).status == 200


def test_a_stage_throttles_everybody_and_a_method_has_its_own(deploy: Deploy, aws: Aws) -> None:
    """Throttling: stage and method settings."""
    api = deployed(deploy, {verb: method_of(mock_of("a")) for verb in ("get", "put")})
    changes = {
        "/*/*/throttling/burstLimit": "1",
        "/*/*/throttling/rateLimit": "0.00001",
        "/~1a/PUT/throttling/burstLimit": "2",
        "/~1a/PUT/throttling/rateLimit": "0.00001",
    }
    operations = [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
    aws("apigateway").update_stage(restApiId=api.id, stageName="v1", patchOperations=operations)
    assert [api.ask("/a").status for _ in range(2)] == [200, 429]
    assert [api.ask("/a", "PUT").status for _ in range(3)] == [200, 200, 429]


VALIDATORS: dict[str, Any] = {
    "x-amazon-apigateway-request-validators": {
        "all": {"validateRequestBody": True, "validateRequestParameters": True},
    },
    "x-amazon-apigateway-request-validator": "all",
}


def test_parameters_that_must_be_there_and_are_not_are_named(deploy: Deploy) -> None:
    """Request validation: present and not blank."""
    parameters = [
        {"name": "q", "in": "query", "required": True},
        {"name": "X-Who", "in": "header", "required": True},
        {"name": "may", "in": "query"},
    ]
    api = deployed(deploy, {"get": method_of(mock_of("a"), parameters=parameters)}, **VALIDATORS)
    for path in ("/a", "/a?q=", "/a?q=%20&may=1"):
        reply = api.ask(path)
        assert reply.status == 400
        assert reply.json == {"message": "Missing required request parameters: [q, X-Who]"}
    assert api.ask("/a?q=1", x_who="me").status == 200


def test_a_body_is_held_to_its_model(deploy: Deploy) -> None:
    """Request validation: models are JSON Schema of draft 4, with references to the document's schemas."""
    schema = {"$ref": "#/components/schemas/Thing"}
    thing = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 1}}}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    components = {"schemas": {"Thing": thing}}
    api = deployed(deploy, {"post": method_of(mock_of("a"), requestBody=body)}, components=components, **VALIDATORS)
    for bad in ("{", "", "[]", '{"n": 0}', '{"n": "1"}'):
        reply = api.ask("/a", "POST", bad, content_type="application/json")
        assert (reply.status, reply.json) == (400, {"message": "Invalid request body"}), bad
    assert api.ask("/a", "POST", '{"n": 1}', content_type="application/json; charset=utf-8").status == 200


@pytest.mark.parametrize(
    ("behavior", "templates", "kind", "status"),
    [
        ("when_no_match", ["application/json"], "text/plain", 500),
        ("when_no_templates", ["application/json"], "text/plain", 415),
        ("never", ["application/json"], "text/plain", 415),
        ("never", [], "application/json", 415),
        ("never", ["application/json"], "application/json;charset=utf-8", 200),
        ("never", ["text/plain"], "text/plain", 200),
        # A request without a type is taken for JSON.
        ("never", ["application/json"], None, 200),
    ],
)
def test_a_type_without_a_template_passes_or_is_refused(
    deploy: Deploy, behavior: str, templates: list[str], kind: str | None, status: int
) -> None:
    """Integration passthrough behaviors. What passes into a mock here is no JSON, at which a mock fails."""
    integration = mock_of("a") | {
        "passthroughBehavior": behavior,
        "requestTemplates": dict.fromkeys(templates, '{"statusCode": 200}'),
    }
    api = deployed(deploy, {"post": method_of(integration)})
    reply = api.ask("/a", "POST", "text", **({"content_type": kind} if kind else {}))
    assert reply.status == status
    if status == 415:
        assert reply.json == {"message": "Unsupported Media Type"}


def test_gateway_responses_are_the_documents_with_nothing_run_in_them(deploy: Deploy) -> None:
    """Gateway responses: simple variables only; one of a type goes before the one of its class."""
    responses = {
        "MISSING_AUTHENTICATION_TOKEN": {
            "statusCode": "404",
            "responseParameters": {
                "gatewayresponse.header.X-Static": "'s'",
                "gatewayresponse.header.X-Asked": "method.request.header.X-Who",
                "gatewayresponse.header.X-Stage": "context.stage",
            },
            "responseTemplates": {
                "application/problem+json": '{"title": $context.error.messageString, "path": "${context.path}", '
                '"type": "$context.error.responseType", "not": "#if(true)$util.urlEncode(\'a b\')#end"}'
            },
        },
        "DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.X-Class": "'4xx'"}},
    }
    api = deployed(
        deploy,
        {"get": method_of(mock_of("a")), "put": method_of(mock_of("a"), security=[{"key": []}])},
        components=SCHEMES,
        **{"x-amazon-apigateway-gateway-responses": responses},
    )
    reply = api.ask("/b", x_who="me")
    assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")
    assert [reply.headers[name] for name in ("x-static", "x-asked", "x-stage")] == ["s", "me", "v1"]
    assert reply.json == {
        "title": "Missing Authentication Token",
        "path": "/v1/b",
        "type": "MISSING_AUTHENTICATION_TOKEN",
        "not": "#if(true)$util.urlEncode('a b')#end",
    }
    forbidden = api.ask("/a", "PUT")
    assert (forbidden.status, forbidden.headers["x-class"]) == (403, "4xx")
    assert "x-class" not in reply.headers


def test_headers_of_an_answer_are_mapped_and_overridden(deploy: Deploy) -> None:
    """Parameter mapping; overrides of the answer's parameters and status."""
    parameters = {"method.response.header.X-Stage": "context.stage", "method.response.header.X-Set": "'a'"}
    template = "#set($context.responseOverride.header.X-Set = \"b$input.params('q')\")$context.httpMethod"
    integration = mock_of(template, responseParameters=parameters)
    api = deployed(deploy, {"get": method_of(integration, ("X-Stage", "X-Set"))})
    reply = api.ask("/a?q=1%0D%0AX-Evil%3A%201")
    assert (reply.headers["x-stage"], reply.body) == ("v1", "GET")
    assert reply.headers["x-set"] == "b1 X-Evil: 1"
    assert "x-evil" not in reply.headers


def test_cors_is_what_the_document_declares(deploy: Deploy) -> None:
    """Enabling CORS: an OPTIONS method with a mock. A page of a browser may ask a deployed API."""
    allowed = {"method.response.header.Access-Control-Allow-Origin": "'https://a.example'"}
    options = method_of(mock_of("", 204, responseParameters=allowed), ("Access-Control-Allow-Origin",))
    api = deployed(deploy, {"options": options, "get": method_of(mock_of("a"))})
    preflight = api.ask("/a", "OPTIONS", Origin="https://a.example", Access_Control_Request_Method="GET")
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "https://a.example")
    assert "access-control-allow-origin" not in api.ask("/a", Origin="https://a.example").headers


def test_the_most_exact_path_answers(deploy: Deploy) -> None:
    """Greedy path variables, and ANY."""
    paths = {
        "/a/b": {"get": method_of(mock_of("exact"))},
        "/a/{x}": {"get": method_of(mock_of("$input.params('x')"))},
        "/{proxy+}": {
            "x-amazon-apigateway-any-method": method_of(mock_of("$context.httpMethod $input.params('proxy')"))
        },
    }
    api = deploy(json.dumps(paths))
    assert api.ask("/a/b").body == "exact"
    assert api.ask("/a/c%20d").body == "c%20d"
    assert api.ask("/a/c/d").body == "GET a/c/d"
    assert api.ask("/x/y", "DELETE").body == "DELETE x/y"


def signed(api: Deployed, path: str, service: str = "execute-api") -> Reply:
    request = AWSRequest("GET", f"http://127.0.0.1:{api.front.port}{api.path}{path}")
    session = botocore.session.Session()
    session.set_credentials(own_key().id, own_key().secret)
    SigV4Auth(session.get_credentials(), service, REGION).add_auth(request)
    return api.ask(path, **dict(request.headers.items()))


def test_a_method_with_iam_answers_who_signs_for_it(deploy: Deploy) -> None:
    """Control access with IAM: Signature Version 4, for execute-api."""
    api = deployed(deploy, {"get": method_of(mock_of("a"), security=[{"iam": []}])}, components=SCHEMES)
    unsigned = api.ask("/a")
    assert (unsigned.status, unsigned.json) == (403, {"message": "Missing Authentication Token"})
    assert signed(api, "/a").status == 200
    assert signed(api, "/a", "dynamodb").status == 403


def test_a_body_is_not_read_without_end(deploy: Deploy) -> None:
    """Quotas: a payload of 10 MB."""
    api = deployed(deploy, {"post": method_of(mock_of("a"))})
    reply = api.ask("/a", "POST", b"", Content_Length=str(11 << 20))
    assert (reply.status, reply.json) == (413, {"message": "Request Too Long"})


def test_a_stage_logs_each_request_in_its_format(deploy: Deploy, aws: Aws) -> None:
    """Access logging; what a caller sends begins no line of its own."""
    api = deployed(deploy, {"get": method_of(mock_of("abc"))})
    arn = f"arn:aws:logs:{REGION}:123456789012:log-group:/access"
    wanted = "$context.requestId $context.status $context.responseLength $context.error.responseType $context.path"
    changes = {"/accessLogSettings/destinationArn": arn, "/accessLogSettings/format": wanted}
    operations = [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
    aws("apigateway").update_stage(restApiId=api.id, stageName="v1", patchOperations=operations)
    replies = [api.ask("/a"), api.ask("/b")]
    api.front.api_gateway.flush()
    events = aws("logs").get_log_events(logGroupName="/access", logStreamName="access")["events"]
    ids = [reply.headers["x-amzn-requestid"] for reply in replies]
    assert [each["message"] for each in events] == [
        f"{ids[0]} 200 3 - /v1/a",
        f"{ids[1]} 403 42 MISSING_AUTHENTICATION_TOKEN /v1/b",
    ]


def test_the_context_says_what_was_asked(deploy: Deploy) -> None:
    names = ("apiId", "stage", "httpMethod", "resourcePath", "path", "identity.sourceIp", "accountId", "protocol")
    template = json.dumps({name: f"$context.{name}" for name in names} | {"at": "$context.requestTimeEpoch"})
    api = deploy(json.dumps({"/a/{x}": {"get": method_of(mock_of(template))}}))
    said = api.ask("/a/1").json
    assert abs(int(said.pop("at")) / 1000 - time.time()) < 600
    assert said == {
        "apiId": api.id, "stage": "v1", "httpMethod": "GET", "resourcePath": "/a/{x}", "path": "/v1/a/1",
        "identity.sourceIp": "127.0.0.1", "accountId": "123456789012", "protocol": "HTTP/1.1",
    }  # fmt: skip
