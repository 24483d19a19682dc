"""What differs between a recorded resource and its template, and what CloudFormation would do about it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.cloudformation.changes import ResourceAction, ResourceChange
from pipeline.cloudformation.locations import Place
from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation import registry
from pipeline.emulator.cloudformation.differences import compare, leaving
from pipeline.emulator.cloudformation.records import ResourceRecord
from pipeline.emulator.cloudformation.resource_types import REGISTRY

assert registry
PLACE = Place("t.yaml", ("Resources", "It", "Properties"))


def change(type_name: str, before: dict[str, Any], after: dict[str, Any]) -> ResourceChange | None:
    return compare("It", REGISTRY[type_name], ResourceRecord(type_name, before, "it"), after, PLACE)


def test_a_resource_that_is_not_on_record_is_added() -> None:
    added = compare("It", REGISTRY["AWS::SQS::Queue"], None, {"DelaySeconds": 1}, PLACE)
    assert added == ResourceChange("It", "AWS::SQS::Queue", ResourceAction.ADD)


def test_numbers_and_booleans_that_came_as_text_are_the_same() -> None:
    before = {"DelaySeconds": "5", "FifoQueue": "true", "RedrivePolicy": {"maxReceiveCount": 3}, "Tags": []}
    after = {"DelaySeconds": 5, "FifoQueue": True, "RedrivePolicy": {"maxReceiveCount": "3"}, "Tags": []}
    assert change("AWS::SQS::Queue", before, after) is None


def test_a_property_that_is_left_out_is_a_change() -> None:
    found = change("AWS::SQS::Queue", {"DelaySeconds": 5}, {})
    assert found is not None
    assert found.action is ResourceAction.MODIFY
    assert [(each.path, each.before, each.after) for each in found.properties] == [("DelaySeconds", 5, None)]


def test_the_changed_property_is_named_by_its_path() -> None:
    before = {"DatabaseInput": {"Name": "a", "Description": "old"}, "CatalogId": "1"}
    after = {"DatabaseInput": {"Name": "a", "Description": "new"}, "CatalogId": "1"}
    found = change("AWS::Glue::Database", before, after)
    assert found is not None
    assert (found.action, [each.path for each in found.properties]) == (
        ResourceAction.MODIFY,
        ["DatabaseInput.Description"],
    )


@pytest.mark.parametrize(
    ("type_name", "before", "after"),
    [
        ("AWS::SQS::Queue", {"QueueName": "a"}, {"QueueName": "b"}),
        ("AWS::SQS::Queue", {}, {"FifoQueue": True}),
        ("AWS::Glue::Database", {"DatabaseInput": {"Name": "a"}}, {"DatabaseInput": {"Name": "b"}}),
        ("AWS::DynamoDB::Table", {"KeySchema": [{"AttributeName": "a"}]}, {"KeySchema": [{"AttributeName": "b"}]}),
        ("AWS::Lambda::LayerVersion", {"Content": {"S3Key": "a"}}, {"Content": {"S3Key": "b"}}),
    ],
)
def test_some_changes_replace_the_resource(type_name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    found = change(type_name, before, after)
    assert found is not None
    assert found.action is ResourceAction.REPLACE
    assert [each.replaces for each in found.properties] == [True]


def test_a_resource_cannot_change_its_type() -> None:
    record = ResourceRecord("AWS::SQS::Queue", {}, "it")
    with pytest.raises(BadDefinition, match=r"^t\.yaml: It\.Properties: CloudFormation does not change .*SQS::Queue"):
        compare("It", REGISTRY["AWS::SNS::Topic"], record, {}, PLACE)


def test_what_cannot_be_changed_is_named() -> None:
    with pytest.raises(BadDefinition, match=r"It\.Properties\.KeySpec: this property of AWS::KMS::Key cannot"):
        change("AWS::KMS::Key", {}, {"KeySpec": "RSA_2048"})


@pytest.mark.parametrize(("kept", "action"), [(False, ResourceAction.REMOVE), (True, ResourceAction.KEEP)])
def test_what_leaves_the_template_is_removed_or_kept(kept: bool, action: ResourceAction) -> None:
    record = ResourceRecord("AWS::SQS::Queue", {}, "it", kept_when_removed=kept)
    assert leaving("It", record) == ResourceChange("It", "AWS::SQS::Queue", action)


@pytest.mark.parametrize("type_name", sorted(REGISTRY))
def test_what_replaces_a_resource_is_what_cloudformations_schema_says(type_name: str) -> None:
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_name).schema
    create_only = {
        pointer.removeprefix("/properties/").replace("/", ".")
        for kind in ("createOnlyProperties", "conditionalCreateOnlyProperties")
        for pointer in schema.get(kind, [])
    }
    kind = REGISTRY[type_name]
    honoured = {path for path in create_only if path.split(".")[0] in kind.known() or "*" in kind.known()}
    # The schema calls the database's name DatabaseName, which templates give as DatabaseInput.Name.
    ours = set(kind.fixed) - ({"DatabaseInput.Name"} if type_name == "AWS::Glue::Database" else set())
    assert ours == honoured
