"""What stands in answers of all services is written as moto writes it, with less work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.core import serialize
from moto.core.serialize import TimestampSerializer

from pipeline.emulator.moto.patch import install_all
from pipeline.emulator.moto.patches import answers

FORMS = ("iso8601", "iso8601_zeroed", "rfc822", "unixtimestamp")

install_all()


def written(text: str, form: str) -> Any:
    return TimestampSerializer(form)._convert_timestamp_to_str(text, form)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.sampled_from((0, 3, 6)), st.sampled_from(FORMS))
def test_a_moment_is_written_as_moto_writes_it(moment: datetime, digits: int, form: str) -> None:
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{moment:%f}"[: digits + 1] * bool(digits) + "Z"
    serializer = TimestampSerializer(form)
    assert written(text, form) == answers._written.original(serializer, text, form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text", ["2026-11-30", "2026-11-30T06:00:00+01:00", "Mon, 30 Nov 2026 06:00:00 GMT", "1764482400"]
)
def test_a_moment_of_another_form_is_left_to_moto(text: str, form: str) -> None:
    assert written(text, form) == answers._written.original(TimestampSerializer(form), text, form)


def test_the_form_of_a_moment_that_moto_wrote_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    monkeypatch.setattr(serialize, "parse_to_aware_datetime", lambda value: read.append(value) or value)
    assert written("2026-11-30T06:00:00.000Z", "iso8601") == "2026-11-30T06:00:00Z"
    assert read == [datetime(2026, 11, 30, 6, tzinfo=UTC)]
