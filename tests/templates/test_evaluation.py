"""The evaluator of policies decides as IAM documents it, or says that it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from tests.templates.evaluation import Principal, holds, like

ROLE = "arn:aws:iam::1:role/a-b"


def statement(effect: str = "Allow", action: Any = "iam:CreateRole", resource: Any = "*", **condition: Any) -> Any:
    return {"Effect": effect, "Action": action, "Resource": resource, "Condition": condition}


@pytest.mark.parametrize(
    ("own", "boundary", "answer"),
    [
        ([], None, False),
        ([statement()], None, True),
        ([statement(), statement("Deny")], None, False),
        ([statement("Deny"), statement()], None, False),
        ([statement()], [], False),
        ([], [statement()], False),
        ([statement()], [statement()], True),
        ([statement()], [statement(), statement("Deny")], False),
        ([statement(action="IAM:createrole")], None, True),
        ([statement(action="iam:Create*")], None, True),
        ([statement(action=["iam:DeleteRole", "iam:CreateRole"])], None, True),
        ([statement(action="iam:CreateRol")], None, False),
        ([statement(resource=["arn:aws:iam::1:role/x", "arn:aws:iam::1:role/a-*"])], None, True),
        ([statement(resource="arn:aws:iam::1:role/A-*")], None, False),
        ([statement(resource="arn:aws:iam::1:role/a-?")], None, True),
        ([statement(resource="arn:aws:iam::1:role/a-?b")], None, False),
    ],
)
def test_a_denial_decides_then_all_layers_have_to_allow(own: list[Any], boundary: Any, answer: bool) -> None:
    principal = Principal(tuple(own), None if boundary is None else tuple(boundary))
    assert principal.may("iam:CreateRole", ROLE) is answer


@pytest.mark.parametrize(
    ("condition", "context", "answer"),
    [
        ({}, {}, True),
        ({"StringEquals": {"a:B": "x"}}, {"a:b": "x"}, True),
        ({"StringEquals": {"a:B": "x"}}, {"a:b": "X"}, False),
        ({"StringEquals": {"a:B": ["y", "x"]}}, {"a:b": "x"}, True),
        ({"StringEquals": {"a:B": "x"}}, {}, False),
        ({"StringEqualsIfExists": {"a:B": "x"}}, {}, True),
        ({"StringEqualsIfExists": {"a:B": "x"}}, {"a:b": "y"}, False),
        ({"StringNotEquals": {"a:B": "x"}}, {}, True),
        ({"StringNotEquals": {"a:B": ["x", "y"]}}, {"a:b": "y"}, False),
        ({"StringEquals": {"a:B": "x*"}}, {"a:b": "xy"}, False),
        ({"StringLike": {"a:B": "x*"}}, {"a:b": "xy"}, True),
        ({"ArnLike": {"a:B": "arn:aws:s3:*:1:x"}}, {"a:b": "arn:aws:s3:eu:1:x"}, True),
        ({"ArnLike": {"a:B": "arn:aws:s3:*:x"}}, {"a:b": "arn:aws:s3:eu:1:x"}, False),
        ({"ArnEquals": {"a:B": "arn:aws:logs:eu:1:g:/a/*"}}, {"a:b": "arn:aws:logs:eu:1:g:/a/b:*"}, True),
        ({"Bool": {"a:B": "false"}}, {"a:b": "False"}, True),
        ({"Bool": {"a:B": False}}, {"a:b": "false"}, True),
        ({"Null": {"a:B": "true"}}, {}, True),
        ({"Null": {"a:B": "false"}}, {}, False),
        ({"Null": {"a:B": "false"}}, {"a:b": ""}, True),
        ({"StringEquals": {"a:B": "x", "a:C": "y"}}, {"a:b": "x"}, False),
        ({"StringEquals": {"a:B": "x"}, "Null": {"a:C": "true"}}, {"a:b": "x", "a:c": ""}, False),
    ],
)
def test_a_condition_holds_for_all_its_operators_and_keys(condition: Any, context: Any, answer: bool) -> None:
    assert holds(condition, context) is answer


@pytest.mark.parametrize(
    "unknown",
    [
        {**statement(), "NotAction": "*"},
        {**statement(), "NotResource": "*"},
        statement(ForAnyValue={"a:b": "c"}),
        statement(**{"ForAllValues:StringEquals": {"a:b": "c"}}),
        statement(NumericEquals={"a:b": "1"}),
        statement(resource="arn:aws:s3:::${aws:username}"),
    ],
)
def test_what_it_does_not_know_it_does_not_decide(unknown: Any) -> None:
    with pytest.raises(NotImplementedError):
        Principal((unknown,)).may("iam:CreateRole", ROLE, a__b="c")


def test_signs_of_expressions_mean_themselves() -> None:
    assert like("a.[b]+", "a.[b]+")
    assert not like("a.b", "axb")
    assert like("*", "a\nb")
