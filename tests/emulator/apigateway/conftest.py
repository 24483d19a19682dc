"""A front, and a way to deploy a document there and to ask it as anybody on this machine would."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from pipeline.emulator.gateway.server import AwsServer
from tests.patience import PATIENCE_S

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/reads"
Aws = Callable[[str], Any]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Deployed:
    """An API that is deployed, at one stage of it."""

    front: AwsServer
    id: str
    stage: str = "v1"

    def ask(self, path: str, verb: str = "GET", body: str | bytes | None = None, **headers: str) -> Reply:
        """Send a request whose path is not touched; `x_api_key` stands for the header of that name."""
        connection = http.client.HTTPConnection("127.0.0.1", self.front.port, timeout=PATIENCE_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(verb, self.path + path, body, named)
            answer = connection.getresponse()
            read = answer.read().decode()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, read)
        finally:
            connection.close()

    @property
    def path(self) -> str:
        return f"/restapis/{self.id}/{self.stage}/_user_request_"


Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(front: AwsServer, aws: Aws) -> Deploy:
    """Deploys paths as text, with what else a document has; `variables` are those of the stage."""

    def run(paths: str, variables: dict[str, str] | None = None, **more: Any) -> Deployed:
        document = {"openapi": "3.0.1", "info": {"title": "case"}, "paths": yaml.safe_load(paths), **more}
        gateway = aws("apigateway")
        api = gateway.import_rest_api(body=json.dumps(document).encode())["id"]
        deployment = gateway.create_deployment(restApiId=api)["id"]
        gateway.create_stage(restApiId=api, stageName="v1", deploymentId=deployment, variables=variables or {})
        return Deployed(front, api)

    return run


def mock_of(template: str, status: int = 200, **response: Any) -> dict[str, Any]:
    """An integration that answers what `template` makes of the request."""
    return {
        "type": "mock",
        "passthroughBehavior": "when_no_match",
        "requestTemplates": {"application/json": f'{{"statusCode": {status}}}'},
        "responses": {
            "default": {"statusCode": status, "responseTemplates": {"application/json": template}, **response}
        },
    }


def method_of(integration: dict[str, Any], headers: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A method whose every response declares `headers`."""
    statuses = {str(each["statusCode"]) for each in integration.get("responses", {}).values()} or {"200"}
    declared = {name: {"schema": {"type": "string"}} for name in headers}
    return {
        "responses": {status: {"description": status, "headers": declared} for status in statuses},
        "x-amazon-apigateway-integration": integration,
        **more,
    }
