"""Tags of resources that stand already: each service has its own pair of calls for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.emulator.cloudformation.resource_types import Aws, Resource


@dataclass(frozen=True, slots=True)
class _Calls:
    """How a service sets and removes tags; without `key` it takes them as a mapping."""

    tag: str
    untag: str
    tags: str = "Tags"
    keys: str = "TagKeys"
    key: str | None = "Key"


_CALLS = {
    "apigateway": _Calls("tag_resource", "untag_resource", "tags", "tagKeys", None),
    "dynamodb": _Calls("tag_resource", "untag_resource"),
    "glue": _Calls("tag_resource", "untag_resource", "TagsToAdd", "TagsToRemove", None),
    "iam": _Calls("tag_role", "untag_role"),
    "kms": _Calls("tag_resource", "untag_resource", key="TagKey"),
    "lambda": _Calls("tag_resource", "untag_resource", key=None),
    "logs": _Calls("tag_log_group", "untag_log_group", "tags", "tags", None),
    "rds": _Calls("add_tags_to_resource", "remove_tags_from_resource"),
    "scheduler": _Calls("tag_resource", "untag_resource"),
    "secretsmanager": _Calls("tag_resource", "untag_resource"),
    "sns": _Calls("tag_resource", "untag_resource"),
    "sqs": _Calls("tag_queue", "untag_queue", key=None),
    "ssm": _Calls("add_tags_to_resource", "remove_tags_from_resource"),
    "stepfunctions": _Calls("tag_resource", "untag_resource", "tags", "tagKeys"),
}


def retag(aws: Aws, resource: Resource, service: str, **whose: str) -> None:
    """Bring a standing resource's tags to the declared ones; those that the template never gave are left.

    `whose` names the resource as the service's calls do.
    """
    calls, wanted, before = _CALLS[service], resource.tags(), resource.tags_before()
    if gone := sorted(before.keys() - wanted.keys()):
        aws.call(service, calls.untag, **whose, **{calls.keys: gone})
    if new := {name: value for name, value in wanted.items() if before.get(name) != value}:
        aws.call(service, calls.tag, **whose, **{calls.tags: listed(new, calls.key) if calls.key else new})


def listed(tags: dict[str, str], key: str = "Key") -> list[dict[str, Any]]:
    """Tags as a list; the value's name goes with the key's."""
    value = {"Key": "Value", "TagKey": "TagValue"}[key]
    return [{key: name, value: text} for name, text in tags.items()]
