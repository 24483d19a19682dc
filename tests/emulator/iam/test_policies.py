"""Policies without a version, which SAM writes, are taken; those of an old version are not."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

STATEMENT = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}


def test_a_roles_policy_may_leave_out_its_version(aws):
    iam = aws("iam")
    iam.create_role(RoleName="plain", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName="plain", PolicyName="p", PolicyDocument=json.dumps({"Statement": [STATEMENT]}))
    assert iam.get_role_policy(RoleName="plain", PolicyName="p")["PolicyDocument"]["Statement"] == [STATEMENT]
    old = json.dumps({"Version": "2008-10-17", "Statement": [STATEMENT]})
    with pytest.raises(ClientError, match="2012-10-17 or greater"):
        iam.put_role_policy(RoleName="plain", PolicyName="old", PolicyDocument=old)
