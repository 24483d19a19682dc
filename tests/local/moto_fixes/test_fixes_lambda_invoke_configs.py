"""PutFunctionEventInvokeConfig replaces the configuration that a function had."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.local.conftest import Aws


@pytest.fixture
def function(aws: Aws) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("a.py", "def b(event, context): return event")
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = aws("iam").create_role(RoleName="invoked", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    aws("lambda").create_function(
        FunctionName="invoked", Runtime="python3.12", Role=role, Handler="a.b", Code={"ZipFile": code.getvalue()}
    )
    return "invoked"


def test_the_last_configuration_is_the_one_that_counts(aws: Aws, function: str) -> None:
    client = aws("lambda")
    client.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=1)
    client.put_function_event_invoke_config(FunctionName=function, MaximumEventAgeInSeconds=60)
    found = client.get_function_event_invoke_config(FunctionName=function)
    assert found["MaximumEventAgeInSeconds"] == 60
    assert "MaximumRetryAttempts" not in found
    configurations = client.list_function_event_invoke_configs(FunctionName=function)["FunctionEventInvokeConfigs"]
    assert len(configurations) == 1
