"""Filter patterns match what they match on AWS, or are refused."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

MESSAGES = ('{"level": "ERROR", "n": 5}', "a plain ERROR here", "WARN: slow", "fine")


@pytest.fixture(scope="module")
def found(aws):
    logs, now = aws("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName="filtered")
    logs.create_log_stream(logGroupName="filtered", logStreamName="s")
    events = [{"timestamp": now + n, "message": message} for n, message in enumerate(MESSAGES)]
    logs.put_log_events(logGroupName="filtered", logStreamName="s", logEvents=events)

    def search(pattern):
        answer = logs.filter_log_events(logGroupName="filtered", filterPattern=pattern)
        return [MESSAGES.index(event["message"]) for event in answer["events"]]

    return search


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("", [0, 1, 2, 3]),
        ("ERROR", [0, 1]),
        ("ERROR plain", [1]),
        ('"plain ERROR"', [1]),
        ('"ERROR plain"', []),
        ("ERROR -plain", [0]),
        ("-ERROR", [2, 3]),
        ("?WARN ?fine", [2, 3]),
        (r'"\"level\""', [0]),
    ],
)
def test_a_pattern_of_terms_matches_as_on_aws(found, pattern, matching):
    assert found(pattern) == matching


@pytest.mark.parametrize("pattern", ['{ $.level = "ERROR" }', "[a, b, c]", "%ERR%", "ERROR ?plain", "ERROR:"])
def test_a_pattern_of_another_kind_is_refused_and_not_taken_for_everything(found, pattern):
    with pytest.raises(ClientError, match="words and quoted phrases") as refused:
        found(pattern)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
