from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.emulator.awslambda.event_sources.sqs_batches import succeeded
from pipeline.emulator.awslambda.functions import Answer

MESSAGES = [{"MessageId": name} for name in "abc"]


def kept(answer: Any, *, failed: bool = False, reports: bool = True) -> str:
    """The messages that come back."""
    payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    done = succeeded(MESSAGES, Answer("r", payload, failed), reports_failures=reports)
    return "".join(message["MessageId"] for message in MESSAGES if message not in done)


@pytest.mark.parametrize(
    "answer", [b"", None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}, {"other": 1}]
)
def test_an_empty_report_is_a_success_of_all(answer: Any) -> None:
    assert kept(answer) == ""


@pytest.mark.parametrize(("names", "expected"), [("a", "a"), ("ca", "ac"), ("abc", "abc"), ("aa", "a")])
def test_what_is_reported_comes_back_and_the_rest_is_done(names: str, expected: str) -> None:
    assert kept({"batchItemFailures": [{"itemIdentifier": name} for name in names]}) == expected


@pytest.mark.parametrize(
    "answer",
    [
        b"{nonsense",
        "text",
        5,
        [],
        {"batchItemFailures": "a"},
        {"batchItemFailures": ["a"]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": [{"itemidentifier": "a"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "z"}]},
    ],
)
def test_a_report_that_cannot_be_understood_brings_all_back(answer: Any) -> None:
    assert kept(answer) == "abc"


def test_a_function_that_failed_brings_all_back_whether_it_reports_or_not() -> None:
    assert kept({"batchItemFailures": []}, failed=True) == "abc"
    assert kept({}, failed=True, reports=False) == "abc"


def test_without_reports_any_answer_is_a_success() -> None:
    assert kept({"batchItemFailures": [{"itemIdentifier": "a"}]}, reports=False) == ""
    assert kept("nonsense", reports=False) == ""
