"""Only the records that failed come back, of a queue and of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.errors import BadInput, Inconsistent
from pipeline.core.events.records import QUEUE, STREAM, Record, parse, process


def messages(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m-{b}", "body": b, "eventSource": QUEUE} for b in bodies]}


def changes(*names: str) -> dict[str, Any]:
    return {"Records": [{"eventSource": STREAM, "dynamodb": {"SequenceNumber": n}} for n in names]}


def fail_for(*ids: str, error: Exception) -> tuple[list[str], Any]:
    done: list[str] = []

    def work(record: Record) -> None:
        if record.id in ids:
            raise error
        done.append(record.id)

    return done, work


def named(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_a_message_that_fails_comes_back_and_its_neighbours_are_done(caplog: pytest.LogCaptureFixture) -> None:
    done, work = fail_for("m-2", error=KeyError("k"))
    assert named(process(messages("1", "2", "3"), work)) == ["m-2"]
    assert done == ["m-1", "m-3"]
    [line] = caplog.records
    assert (line.message, line.sqs_message, line.error) == ("message comes back", "m-2", "KeyError")  # type: ignore[attr-defined]


def test_nothing_comes_back_where_nothing_failed() -> None:
    done, work = fail_for(error=KeyError())
    assert process(messages("1", "2"), work) == process(changes("1", "2"), work) == {"batchItemFailures": []}
    assert done == ["m-1", "m-2", "1", "2"]


def test_a_stream_goes_no_further_than_the_first_change_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Lambda hands over that change again and all that follow: done before it, a later one would be done twice."""
    done, work = fail_for("2", error=KeyError())
    assert named(process(changes("1", "2", "3"), work)) == ["2"]
    assert done == ["1"]
    assert [line.message for line in caplog.records] == ["record comes back"]


@pytest.mark.parametrize("event", [messages("1", "2"), changes("1", "2")], ids=["queue", "stream"])
def test_where_nothing_works_the_function_fails_by_what_was_not_expected_alone(event: dict[str, Any]) -> None:
    every = [record.id for record in parse(event)]
    _, work = fail_for(*every, error=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        process(event, work)
    _, work = fail_for(*every, error=BadInput("no"))
    assert named(process(event, work)) == (every if event == messages("1", "2") else every[:1])


def test_records_of_another_source_are_refused() -> None:
    with pytest.raises(Inconsistent, match="aws:kinesis"):
        parse({"Records": [{"eventSource": "aws:kinesis"}]})
