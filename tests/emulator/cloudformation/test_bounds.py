"""Values that AWS refuses are refused: for every bound of CloudFormation's published schemas that a type has here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.cloudformation.locations import Place
from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation import StackResult, bounds, create_only
from pipeline.emulator.cloudformation.resource_types import REGISTRY
from tests.emulator.cloudformation import schemas

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

ALL = [(kind, path) for kind in sorted(REGISTRY) for path in bounds.of(kind)]
FITS = {"integer": "7", "number": "7.5"}


def beyond(said: dict[str, Any]) -> Iterator[Any]:
    """Values that break each bound."""
    if "type" in said:
        yield "seven"
    if "minimum" in said:
        yield said["minimum"] - 1
        yield str(said["minimum"] - 1)
    if "maximum" in said:
        yield said["maximum"] + 1
    if "enum" in said:
        yield "none of these"
    if "pattern" in said and not bounds.wrong("\x00 \n", {}) and bounds.wrong("\x00 \n", said):
        yield "\x00 \n"
    if said.get("minLength"):
        yield ""
    if "maxLength" in said:
        yield "a" * (said["maxLength"] + 1)
    if said.get("minItems"):
        yield []
    if "maxItems" in said:
        yield ["a"] * (said["maxItems"] + 1)


def within(path: str, value: Any) -> Any:
    """Properties that have `value` at a path."""
    for step in reversed(path.replace("[]", ".[]").split(".")):
        value = [value] if step == "[]" else {step: value}
    return value


def test_the_bounds_are_those_of_the_schemas_that_cfn_lint_ships() -> None:
    made = ((bounds.FILE, schemas.bounds()), (create_only.FILE, schemas.create_only()))
    for file, found in made:
        assert file.read_text(encoding="utf-8") == schemas.text(found), (
            "python -m tests.emulator.cloudformation.schemas"
        )


@pytest.mark.parametrize(("kind", "path"), ALL)
def test_whatever_breaks_a_bound_is_told_with_its_place(kind: str, path: str) -> None:
    said = dict(bounds.of(kind)[path])
    for value in beyond(said):
        found = [str(place) for place, _ in bounds.broken(kind, within(path, value), Place("t.yaml", ("It",)))]
        assert any(place.startswith(f"t.yaml: It.{path.replace('[]', '[0]')}") for place in found), value


@pytest.mark.parametrize("value", ["⟨Other.Arn⟩", "{{resolve:secretsmanager:s}}", 1, "1", True, "true"])
def test_what_is_not_known_or_is_of_another_kind_of_text_is_let_pass(value: Any) -> None:
    assert bounds.wrong(value, {}) == ""
    if isinstance(value, str) and not value.isalnum():
        assert bounds.wrong(value, {"type": "integer", "minimum": 5, "enum": [1], "pattern": "^$"}) == ""
    else:
        assert bounds.wrong(value, {"enum": [1, True]}) == ""


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ("{MaximumMessageSize: 99}", "3: It.Properties.MaximumMessageSize: AWS refuses it: 99, and at least 1024"),
        ("{MaximumMessageSize: !Ref Size}", "3: It.Properties.MaximumMessageSize: AWS refuses it: 99, and at least"),
        ("{DelaySeconds: soon}", "3: It.Properties.DelaySeconds: AWS refuses it: 'soon' is no whole number"),
        (
            "{VersioningConfiguration: {Status: Enable}}",
            "'Enable' is none of Enabled, Suspended; did you mean Enabled?",
        ),
    ],
)
def test_a_template_with_such_a_value_is_refused_and_nothing_is_made(
    deploy: Deploy, clients: Clients, tmp_path: Path, properties: str, told: str
) -> None:
    header = "Parameters: {Size: {Type: Number, Default: 99}}\nResources:\n"
    kind = "S3::Bucket" if "Versioning" in properties else "SQS::Queue"
    with pytest.raises(BadDefinition) as raised:
        deploy(f"{header}  It: {{Type: AWS::{kind}, Properties: {properties}}}", stack="beyond")
    assert told in raised.value.message
    assert "Nothing of beyond was changed." in raised.value.message
    assert "QueueUrls" not in clients("sqs").list_queues(QueueNamePrefix="beyond")


BEYOND = [
    (name, str(value))
    for name, said in bounds.of("AWS::SQS::Queue").items()
    if "." not in name
    for value in beyond(dict(said))
]


@pytest.mark.parametrize(("name", "value"), [*BEYOND, ("SqsManagedSseEnabled", "yes"), ("DeduplicationScope", "all")])
def test_sqs_refuses_it_too_whoever_calls(clients: Clients, name: str, value: str) -> None:
    sqs = clients("sqs")
    with pytest.raises(ClientError) as created:
        sqs.create_queue(QueueName="never", Attributes={name: value})
    url = sqs.create_queue(QueueName="bounded")["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    with pytest.raises(ClientError) as changed:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "5", name: value})
    for raised in (created, changed):
        error = raised.value.response["Error"]
        assert error["Message"] == f"Invalid value for the parameter {name}."
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert "InvalidAttributeValue" in error["Code"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] == before
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="never")


def test_sqs_refuses_an_attribute_that_there_is_none_of(clients: Clients) -> None:
    with pytest.raises(ClientError, match=r"InvalidAttributeName.*Unknown Attribute MaxSize\.$"):
        clients("sqs").create_queue(QueueName="never", Attributes={"MaxSize": "1"})
