"""Versions and aliases of functions: a version runs what it was published with, an alias what it points to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.awslambda.lambda_parts import ACCOUNT, REGION, Parts, package
from tests.patience import until

SAYS = "import os\ndef handler(event, context):\n    return [{said!r}, os.environ.get('SAID'), {of}]\n"


def code(said: str, of: str = "context.function_version") -> str:
    return SAYS.format(said=said, of=of)


def said(parts: Parts, name: str, **settings: Any) -> Any:
    return parts.invoke(name, **settings)[1]


def change(parts: Parts, name: str, text: str, **environment: str) -> None:
    parts.aws("lambda").update_function_code(FunctionName=name, ZipFile=package(text))
    parts.aws("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": environment})


def publish(parts: Parts, name: str) -> str:
    return str(parts.aws("lambda").publish_version(FunctionName=name)["Version"])


def point(parts: Parts, name: str, version: str) -> str:
    """The alias `live`, made or moved."""
    client = parts.aws("lambda")
    try:
        answer = client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    except client.exceptions.ResourceNotFoundException:
        answer = client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    return str(answer["AliasArn"])


def test_a_version_runs_the_code_and_configuration_that_it_was_published_with(parts: Parts) -> None:
    arn = parts.create("versioned", code("old"), Environment={"Variables": {"SAID": "first"}})
    assert publish(parts, "versioned") == "1"
    change(parts, "versioned", code("new"), SAID="second")
    assert said(parts, f"{arn}:1") == ["old", "first", "1"]
    assert said(parts, "versioned", Qualifier="1") == ["old", "first", "1"]
    assert said(parts, "versioned") == ["new", "second", "$LATEST"]
    assert publish(parts, "versioned") == "2"
    response, answer = parts.invoke("versioned:2")
    assert (response["ExecutedVersion"], answer) == ("2", ["new", "second", "2"])


def test_a_version_is_published_only_if_something_changed(parts: Parts) -> None:
    parts.create("unchanged", code("same"), Environment={"Variables": {"SAID": "same"}})
    assert [publish(parts, "unchanged"), publish(parts, "unchanged")] == ["1", "1"]
    change(parts, "unchanged", code("same"), SAID="same")
    assert publish(parts, "unchanged") == "1"
    change(parts, "unchanged", code("same"), SAID="other")
    assert publish(parts, "unchanged") == "2"


def test_no_number_of_a_version_comes_twice(parts: Parts) -> None:
    parts.create("counted", code("one"))
    publish(parts, "counted")
    parts.aws("lambda").delete_function(FunctionName="counted", Qualifier="1")
    assert publish(parts, "counted") == "2"


def test_an_alias_runs_the_version_that_it_points_to_and_is_what_the_function_was_asked_for_by(parts: Parts) -> None:
    parts.create("aliased", code("old", "context.invoked_function_arn"))
    alias = point(parts, "aliased", publish(parts, "aliased"))
    change(parts, "aliased", code("new", "context.invoked_function_arn"))
    assert said(parts, alias) == ["old", None, alias]
    second = publish(parts, "aliased")
    assert said(parts, "aliased", Qualifier="live") == ["old", None, alias]
    point(parts, "aliased", second)
    assert said(parts, "aliased:live") == ["new", None, alias]
    found = parts.aws("lambda").get_alias(FunctionName="aliased", Name="live")
    assert (found["AliasArn"], found["FunctionVersion"]) == (alias, "2")
    assert [each["Name"] for each in parts.aws("lambda").list_aliases(FunctionName="aliased")["Aliases"]] == ["live"]


def test_what_an_alias_points_to_must_be_there_and_stays(parts: Parts) -> None:
    client = parts.aws("lambda")
    parts.create("kept", code("one"))
    publish(parts, "kept")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.create_alias(FunctionName="kept", Name="live", FunctionVersion="7")
    point(parts, "kept", "1")
    with pytest.raises(client.exceptions.ResourceConflictException, match="referenced by the alias live"):
        client.delete_function(FunctionName="kept", Qualifier="1")
    client.delete_alias(FunctionName="kept", Name="live")
    client.delete_function(FunctionName="kept", Qualifier="1")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        said(parts, "kept", Qualifier="1")


def test_an_alias_of_two_versions_is_refused(parts: Parts) -> None:
    parts.create("weighted", code("one"))
    publish(parts, "weighted")
    with pytest.raises(ClientError, match="one version"):
        parts.aws("lambda").create_alias(
            FunctionName="weighted",
            Name="live",
            FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}},
        )


def test_an_event_source_follows_its_alias(parts: Parts) -> None:
    text = (
        "import boto3\ndef handler(event, context):\n"
        "    boto3.client('sqs').send_message(QueueUrl={url!r}, MessageBody={said!r})\n"
    )
    said_at = parts.queue("said")
    parts.queue("heard", VisibilityTimeout="30")
    parts.create("follows", text.format(url=said_at, said="old"), Timeout=20)
    alias = point(parts, "follows", publish(parts, "follows"))
    mapping = parts.map("heard", alias)
    assert parts.aws("lambda").get_event_source_mapping(UUID=mapping)["FunctionArn"] == alias

    def heard() -> list[str]:
        parts.aws("sqs").send_message(QueueUrl=parts.queue("heard", VisibilityTimeout="30"), MessageBody="{}")
        return [
            message["Body"]
            for message in until(lambda: parts.aws("sqs").receive_message(QueueUrl=said_at).get("Messages"))
        ]

    assert heard() == ["old"]
    change(parts, "follows", text.format(url=said_at, said="new"))
    point(parts, "follows", publish(parts, "follows"))
    until(lambda: parts.aws("sqs").receive_message(QueueUrl=said_at).get("Messages") is None)
    assert "new" in heard()
    parts.aws("lambda").delete_event_source_mapping(UUID=mapping)


def test_an_alias_has_retries_and_destinations_of_its_own(parts: Parts) -> None:
    client = parts.aws("lambda")
    url = parts.queue("lost")
    parts.create("fails", "def handler(event, context):\n    raise ValueError(event)\n")
    alias = point(parts, "fails", publish(parts, "fails"))
    destination = {"OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:lost"}}
    client.put_function_event_invoke_config(
        FunctionName="fails", Qualifier="live", MaximumRetryAttempts=0, DestinationConfig=destination
    )
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_event_invoke_config(FunctionName="fails")
    found = client.list_function_event_invoke_configs(FunctionName="fails")["FunctionEventInvokeConfigs"]
    assert [each["FunctionArn"] for each in found] == [alias]
    parts.invoke(alias, "one", InvocationType="Event")
    [message] = until(lambda: parts.aws("sqs").receive_message(QueueUrl=url).get("Messages"))
    told = json.loads(message["Body"])
    assert told["requestContext"]["functionArn"] == alias
    assert told["responseContext"]["executedVersion"] == "1"
