"""Rows that say which version of a key holds a content, so that an append dataset loads it once (PROTOCOL, Identity 4).

They stand beside the versions of the key, under the SHA-256 of its bytes: an ETag is no checksum where S3 encrypts with
KMS or an upload came in parts. Pure: each function makes one action of a transaction.
"""

from __future__ import annotations

from typing import Any

from pipeline.core.dynamo import encode
from pipeline.core.objects import ObjectVersion

PREFIX = "CONTENT#"
"""Of these rows' sort key, where a version's has the version id."""


def taking(table: str, obj: ObjectVersion, checksum: str) -> dict[str, Any]:
    """Take the content if nobody, or this very version, holds it; refused, it tells the holder."""
    return {
        "Put": {
            "TableName": table,
            "Item": encode({**_key(obj, checksum), "holder": obj.version_id}),
            "ConditionExpression": "attribute_not_exists(#path) OR #holder = :me",
            "ExpressionAttributeNames": {"#path": "path", "#holder": "holder"},
            "ExpressionAttributeValues": encode({":me": obj.version_id}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def held(table: str, obj: ObjectVersion, checksum: str, holder: str) -> dict[str, Any]:
    """A version becomes a duplicate only of one that holds the content still: else nobody would send it on."""
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": encode(_key(obj, checksum)),
            "ConditionExpression": "#holder = :holder",
            "ExpressionAttributeNames": {"#holder": "holder"},
            "ExpressionAttributeValues": encode({":holder": holder}),
        }
    }


def giving_up(table: str, obj: ObjectVersion, checksum: str) -> dict[str, Any]:
    """Refused if another version holds the content; one that nobody holds is as good as given up."""
    return {
        "Delete": {
            "TableName": table,
            "Key": encode(_key(obj, checksum)),
            "ConditionExpression": "attribute_not_exists(#holder) OR #holder = :me",
            "ExpressionAttributeNames": {"#holder": "holder"},
            "ExpressionAttributeValues": encode({":me": obj.version_id}),
        }
    }


def given_up(table: str, obj: ObjectVersion, checksum: str) -> dict[str, Any]:
    """Refused while this very version holds the content."""
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": encode(_key(obj, checksum)),
            "ConditionExpression": "attribute_not_exists(#holder) OR #holder <> :me",
            "ExpressionAttributeNames": {"#holder": "holder"},
            "ExpressionAttributeValues": encode({":me": obj.version_id}),
        }
    }


def _key(obj: ObjectVersion, checksum: str) -> dict[str, str]:
    return {"path": obj.path, "version_id": f"{PREFIX}{checksum}"}
