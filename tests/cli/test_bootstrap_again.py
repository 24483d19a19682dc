"""`sluice bootstrap --pipeline` on a pipeline that has updated its own stack, as CloudFormation would answer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from pipeline.core.clients import client
from tests.cli.test_lake_formation import Sluice, sluice

assert sluice

ROLE = "arn:aws:iam::123456789012:role/delivery/admin/sluice-pipeline-update"
GIVEN = {"Lake": "sluice", "Source": "CodeCommit", "Repository": "lake", "ExternalId": "known-to-both-accounts"}


@pytest.mark.parametrize("role", [ROLE, None], ids=["once updated by the pipeline", "as an administrator made it"])
def test_an_administrator_is_told_whose_rights_count(sluice: Sluice, role: str | None) -> None:
    """CloudFormation changes a stack as the role that it was given last: an administrator's rights count no more."""
    standing = {
        "StackName": "sluice-pipeline",
        "CreationTime": datetime.now(UTC),
        "StackStatus": "UPDATE_COMPLETE",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in GIVEN.items()],
        **({"RoleARN": role} if role else {}),
    }
    with Stubber(client("cloudformation")) as answers:
        for _ in range(3):
            answers.add_response("describe_stacks", {"Stacks": [standing]}, {"StackName": "sluice-pipeline"})
        answers.add_response("create_change_set", {"Id": "change"})
        for _ in range(2):
            answers.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"})
        answers.add_response("delete_change_set", {})
        said = sluice("bootstrap", "--pipeline", "--plan")
        answers.assert_no_pending_responses()
    assert said.exit_code == 0, said.output
    assert (f"sluice-pipeline is always changed with the rights of {ROLE}." in said.output) == bool(role)
