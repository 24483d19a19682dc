"""Rules of Choice states and errors of catchers in words."""

from __future__ import annotations

import pytest

from pipeline.state_machines.conditions import condition, errors

ROWS = {"Variable": "$.rows", "NumericGreaterThan": 0}
NEW = {"Variable": "$.status", "StringEquals": "new"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (ROWS, "$.rows > 0"),
        (NEW, '$.status = "new"'),
        ({"Variable": "$.a", "NumericLessThanEqualsPath": "$.b"}, "$.a ≤ $.b"),
        ({"Variable": "$.a", "StringMatches": "log-*.txt"}, '$.a matches "log-*.txt"'),
        ({"Variable": "$.a", "BooleanEquals": True}, "$.a = true"),
        ({"Variable": "$.at", "TimestampLessThan": "2026-01-31T00:00:00Z"}, "$.at < 2026-01-31T00:00:00Z"),
        ({"Variable": "$.a", "IsPresent": True}, "$.a is present"),
        ({"Variable": "$.a", "IsPresent": False}, "$.a is missing"),
        ({"Not": {"Variable": "$.a", "IsNull": True}}, "$.a is not null"),
        ({"Not": NEW}, '$.status ≠ "new"'),
        ({"Not": ROWS}, "not $.rows > 0"),
        ({"Not": {"And": [ROWS, NEW]}}, 'not ($.rows > 0 and $.status = "new")'),
        ({"And": [ROWS, {"Or": [NEW, NEW]}]}, '$.rows > 0 and ($.status = "new" or $.status = "new")'),
        ({"And": [{"And": [ROWS]}]}, "$.rows > 0"),
        ({"Condition": "{% $states.input.rows > 0 %}"}, "$states.input.rows > 0"),
        ({"Condition": "{%\n  $exists($a)\n  and $b\n%}"}, "$exists($a) and $b"),
        ({"Condition": True}, "a rule"),
        ({}, "a rule"),
    ],
)
def test_a_rule_in_words(rule, words):
    assert condition({**rule, "Next": "Somewhere"}) == words


def test_errors_of_step_functions_are_told_in_words_and_others_by_their_name():
    assert errors(["States.ALL"]) == "any error"
    assert errors(["States.Timeout", "Lambda.TooManyRequestsException"]) == "timeout or Lambda.TooManyRequestsException"
