"""Whether bootstrap makes the role by which API Gateway writes an account's logs."""

from __future__ import annotations

from pipeline.cli.bootstrap import account_has_api_logs
from pipeline.core.clients import client


def test_an_accounts_role_for_the_logs_of_its_apis_is_made_only_where_it_has_none(aws: None) -> None:
    assert not account_has_api_logs()
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::123456789012:role/logs"}
    client("apigateway").update_account(patchOperations=[change])
    assert account_has_api_logs()
