"""AWS's own DynamoDB Local, as a second opinion on what DynamoDB does. A tool of the tests: no lake runs on it."""

from __future__ import annotations

from tests.dynamodb_local.server import DynamoDBLocal

__all__ = ["BACK_ENDS", "DYNAMODB_LOCAL", "MOTO", "DynamoDBLocal"]

MOTO = "moto"
DYNAMODB_LOCAL = "DynamoDB Local"
BACK_ENDS = (MOTO, DYNAMODB_LOCAL)
