"""What a document may say. What is not honoured is refused by its name when it is imported, and nothing is made."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.apigateway.document import read_document
from pipeline.emulator.apigateway.errors import ApiError
from tests.emulator.apigateway.conftest import ROLE, Aws, Deploy, method_of, mock_of

INTEGRATION = "x-amazon-apigateway-integration"
ENDPOINT = "x-amazon-apigateway-endpoint-configuration"
DYNAMODB: dict[str, Any] = {
    "type": "aws",
    "httpMethod": "POST",
    "uri": "arn:aws:apigateway:eu-west-1:dynamodb:action/GetItem",
    "credentials": ROLE,
    "requestTemplates": {"application/json": "{}"},
    "responses": {"default": {"statusCode": 200}},
}
GOOD: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "good"},
    "paths": {"/a/{b}": {"get": method_of(DYNAMODB)}},
}
METHOD = ("paths", "/a/{b}", "get")
OF = (*METHOD, INTEGRATION)
S3 = "arn:aws:apigateway:eu-west-1:s3:path/b"
FUNCTION = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/${stageVariables.f}/invocations"


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    owner: Any = document
    for name in path[:-1]:
        owner = owner.setdefault(name, {})
    owner[path[-1]] = value
    return document


def test_a_good_document_is_read() -> None:
    [method] = read_document({**GOOD, "servers": [{ENDPOINT: {"disableExecuteApiEndpoint": False}}]}).methods
    assert (method.verb, method.path, method.integration.target) == ("GET", "/a/{b}", "GetItem")


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (("openapi",), "3.1.0", "OpenAPI 3.0"),
        (("swagger",), "2.0", "swagger"),
        (("x-amazon-apigateway-policy",), {}, "x-amazon-apigateway-policy"),
        (("x-amazon-apigateway-binary-media-types",), ["image/png"], "x-amazon-apigateway-binary-media-types"),
        (("x-amazon-apigateway-minimum-compression-size",), 0, "x-amazon-apigateway-minimum-compression-size"),
        (("x-amazon-apigateway-cors",), {}, "x-amazon-apigateway-cors"),
        (("x-amazon-apigateway-api-key-source",), "AUTHORIZER", "authorizer"),
        ((ENDPOINT,), {"disableExecuteApiEndpoint": True}, "disableExecuteApiEndpoint"),
        (("servers",), [{"url": "/"}, {"url": "/v1", ENDPOINT: {"vpcEndpointIds": ["vpce-1"]}}], "vpcEndpointIds"),
        (("x-amazon-apigateway-gateway-responses", "NO_TYPE"), {}, "NO_TYPE"),
        (("x-amazon-apigateway-gateway-responses", "THROTTLED", "responseParameters"), {"a": "b"}, "THROTTLED"),
        (("x-amazon-apigateway-request-validator",), "none", "no request validator none"),
        (("paths", "/a/{b}", "trace"), {}, "trace"),
        (("paths", "/a/{c}"), {"get": method_of(DYNAMODB)}, "sibling"),
        (("paths", "/{b+}/c"), {"get": method_of(DYNAMODB)}, "greedy"),
        (("paths", "/a b"), {"get": method_of(DYNAMODB)}, "path part"),
        ((*METHOD, "callbacks"), {}, "callbacks"),
        ((*METHOD, "parameters"), [{"in": "cookie", "name": "c"}], "cookie"),
        ((*METHOD, "parameters"), [{"$ref": "#/components/parameters/none"}], "nothing is at"),
        ((*METHOD, "security"), [{"oauth": []}], "oauth"),
        ((*METHOD, "x-amazon-apigateway-auth"), {"type": "CUSTOM"}, "CUSTOM"),
        (
            (*METHOD, "requestBody"),
            {"content": {"application/json": {"schema": {"type": "nothing"}}}},
            "application/json",
        ),
        (OF, {"type": "http", "uri": "https://a.example", "httpMethod": "GET"}, "type http"),
        (OF, {"type": "http_proxy"}, "type http_proxy"),
        ((*OF, "uri"), S3, S3),
        ((*OF, "uri"), FUNCTION, "stageVariables.f"),
        ((*OF, "type"), "aws_proxy", "action/GetItem"),
        ((*OF, "httpMethod"), "GET", "POST"),
        ((*OF, "credentials"), None, "role"),
        ((*OF, "credentials"), "arn:aws:iam::*:user/*", "role"),
        ((*OF, "connectionType"), "VPC_LINK", "VPC_LINK"),
        ((*OF, "cacheKeyParameters"), ["a"], "cacheKeyParameters"),
        ((*OF, "contentHandling"), "CONVERT_TO_BINARY", "contentHandling"),
        ((*OF, "requestParameters"), {"integration.request.header.a": "'b'"}, "requestParameters"),
        ((*OF, "tlsConfig"), {}, "tlsConfig"),
        ((*OF, "responseTransferMode"), "STREAM", "responseTransferMode"),
        ((*OF, "passthroughBehavior"), "always", "always"),
        ((*OF, "timeoutInMillis"), 30_000, "29000"),
        ((*OF, "requestTemplates"), {"application/json": "$util.qr(1)"}, "$util.qr"),
        ((*OF, "responses"), {"default": {"statusCode": 201}}, "201"),
        ((*OF, "responses"), {"(": {"statusCode": 200}}, "pattern"),
        ((*OF, "responses", "default", "contentHandling"), "CONVERT_TO_TEXT", "contentHandling"),
        ((*OF, "responses", "default", "responseTemplates"), {"a/b": "#parse('a')"}, "#parse"),
        ((*OF, "responses", "default", "responseParameters"), {"method.response.header.X": "'a'"}, "header.X"),
        ((*METHOD, INTEGRATION), {}, "integrations"),
    ],
)
def test_what_is_wrong_or_not_honoured_is_refused_by_its_name(path: tuple[str, ...], value: Any, word: str) -> None:
    with pytest.raises(ApiError) as refused:
        read_document(changed(path, value))
    assert word in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "text", {}, {"openapi": "3.0.0"}])
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(ApiError, match="document"):
        read_document(document)


def test_a_refused_document_makes_no_api_and_changes_none(aws: Aws, deploy: Deploy) -> None:
    gateway = aws("apigateway")
    api = deploy(json.dumps({"/a": {"get": method_of(mock_of("a"))}}))
    before = len(gateway.get_rest_apis()["items"])
    bad = json.dumps(changed(("x-amazon-apigateway-policy",), {})).encode()
    with pytest.raises(ClientError, match="does not honour x-amazon-apigateway-policy"):
        gateway.import_rest_api(body=bad)
    with pytest.raises(ClientError, match="does not honour x-amazon-apigateway-policy"):
        gateway.put_rest_api(restApiId=api.id, mode="overwrite", body=bad)
    with pytest.raises(ClientError, match="Invalid OpenAPI input"):
        gateway.import_rest_api(body=b"{a: [")
    assert len(gateway.get_rest_apis()["items"]) == before
    gateway.create_deployment(restApiId=api.id, stageName="again")
    assert api.ask("/a").status == 200
