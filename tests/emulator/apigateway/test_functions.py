"""Functions behind the gateway: proxies, and with templates. The workers are real.

Sources: "Lambda proxy integrations in API Gateway" (events, answers), "Handle Lambda errors in API Gateway".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.emulator.awslambda.patches import functions
from pipeline.emulator.awslambda.worker_pool import LambdaWorkers
from pipeline.emulator.gateway.server import AwsServer
from tests.emulator.apigateway.conftest import REGION, Aws, Deploy, Deployed, method_of
from tests.emulator.awslambda.lambda_parts import interpreter, package

CODE = """
import json, time
def handler(event, context):
    asked = event.get("queryStringParameters") or {}
    kind = asked.get("kind") or event.get("kind")
    if kind == "raise":
        raise ValueError("no place of that name")
    if kind == "sleep":
        time.sleep(20)
    if kind in ANSWERS:
        return ANSWERS[kind]
    return {"statusCode": 200, "body": json.dumps(event)} if "resource" in event else event
ANSWERS = {
    "text": "a",
    "no status": {"body": "a"},
    "no text": {"statusCode": 200, "body": {"a": 1}},
    "more": {"statusCode": 200, "body": "a", "other": 1},
    "split": {"statusCode": 200, "headers": {"X-A": "b\\r\\nX-Evil: 1"}},
    "several": {"statusCode": "201", "headers": {"X-A": "1", "X-B": 2, "Content-Type": "text/plain"},
                "multiValueHeaders": {"X-A": ["2", "3"]}, "body": "made"},
}
"""


@pytest.fixture(scope="module")
def function(front: AwsServer, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    aws("iam").create_role(RoleName="lambda", AssumeRolePolicyDocument=json.dumps(trust))
    workers = LambdaWorkers(
        front.endpoint, tmp_path_factory.mktemp("lambda"), lambda group, stream, lines: None, interpreter=interpreter()
    )
    workers.start()
    functions.run_by(workers.invoke, lambda function, payload: "")
    made = aws("lambda").create_function(
        FunctionName="answers",
        Role="arn:aws:iam::123456789012:role/lambda",
        Runtime="python3.12",
        Handler="app.handler",
        Timeout=30,
        Code={"ZipFile": package(CODE)},
    )
    yield str(made["FunctionArn"])
    workers.stop()


def integration(function: str, kind: str = "aws_proxy", **more: Any) -> dict[str, Any]:
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    return {"type": kind, "httpMethod": "POST", "uri": uri, **more}


@pytest.fixture
def proxy(deploy: Deploy, function: str) -> Deployed:
    paths = {
        "/places/{place}": {"x-amazon-apigateway-any-method": method_of(integration(function))},
        "/slow": {"get": method_of(integration(function, timeoutInMillis=500))},
        "/gone": {"get": method_of(integration(function + "-gone"))},
    }
    return deploy(json.dumps(paths), {"table": "rows"})


def test_a_function_gets_the_whole_request(proxy: Deployed) -> None:
    reply = proxy.ask("/places/a%20b?q=1&q=%C3%A9&empty=", "POST", "héllo".encode(), X_One="1")
    event = reply.json
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert event["resource"] == "/places/{place}"
    assert (event["path"], event["httpMethod"]) == ("/places/a%20b", "POST")
    assert event["pathParameters"] == {"place": "a%20b"}
    assert event["queryStringParameters"] == {"q": "é", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "é"], "empty": [""]}
    assert event["headers"]["X-One"] == "1"
    assert event["multiValueHeaders"]["X-One"] == ["1"]
    assert event["stageVariables"] == {"table": "rows"}
    assert (event["body"], event["isBase64Encoded"]) == ("héllo", False)
    context = event["requestContext"]
    assert (context["stage"], context["resourcePath"], context["apiId"]) == ("v1", "/places/{place}", proxy.id)
    assert context["path"] == "/v1/places/a%20b"
    assert context["identity"]["sourceIp"] == "127.0.0.1"


def test_what_there_is_none_of_is_null_and_what_is_no_text_is_in_base64(proxy: Deployed) -> None:
    event = proxy.ask("/places/a").json
    assert [event[name] for name in ("body", "queryStringParameters", "multiValueQueryStringParameters")] == [None] * 3
    event = proxy.ask("/places/a", "PUT", b"\xff\x00").json
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


def test_an_answer_has_its_status_its_headers_and_all_of_a_name(proxy: Deployed) -> None:
    reply = proxy.ask("/places/a?kind=several")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (201, "made", "text/plain")
    assert reply.headers["x-b"] == "2"


@pytest.mark.parametrize("kind", ["raise", "text", "no%20status", "no%20text", "more", "split"])
def test_what_is_no_answer_is_a_502(proxy: Deployed, kind: str) -> None:
    reply = proxy.ask(f"/places/a?kind={kind}")
    assert (reply.status, reply.json) == (502, {"message": "Internal server error"})
    assert "x-evil" not in reply.headers


def test_a_function_that_takes_too_long_or_is_not_there(proxy: Deployed) -> None:
    assert proxy.ask("/gone").json == {"message": "Internal server error"}
    reply = proxy.ask("/slow?kind=sleep")
    assert (reply.status, reply.json) == (504, {"message": "Endpoint request timed out"})


def test_an_error_is_mapped_by_its_message(deploy: Deploy, function: str) -> None:
    """The pattern of a response has to fit the whole errorMessage."""
    own = integration(
        function,
        "aws",
        requestTemplates={"application/json": '{"kind": "$input.params(\'kind\')", "place": "Bern"}'},
        responses={
            "default": {"statusCode": 200, "responseTemplates": {"application/json": "$input.json('$.place')"}},
            "no place.*": {
                "statusCode": 404,
                "responseTemplates": {"text/plain": "$input.path('$.errorType'): $input.path('$.errorMessage')"},
            },
            "place": {"statusCode": 400},
        },
    )
    api = deploy(json.dumps({"/a": {"get": method_of(own)}}))
    assert api.ask("/a").json == "Bern"
    reply = api.ask("/a?kind=raise")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/plain")
    assert reply.body == "ValueError: no place of that name"
