from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.core.errors import BadDefinition
from pipeline.core.events.schedule_expressions import parse


def times(text: str, start: str, count: int = 1, zone: str | None = None) -> list[str]:
    """The next firings after a time in UTC, to the minute."""
    expression = parse(text, zone)
    moment = datetime.fromisoformat(start).replace(tzinfo=UTC)
    anchor, found = moment, []
    for _ in range(count):
        following = expression.after(moment, anchor)
        if following is None:
            break
        moment = following
        found.append(f"{moment:%Y-%m-%dT%H:%M}")
    return found


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        # The examples of AWS's "Cron-based schedules" and of its EventBridge guide.
        ("cron(0 10 * * ? *)", "2026-01-01T10:00", ["2026-01-02T10:00", "2026-01-03T10:00"]),
        ("cron(15 12 * * ? *)", "2026-01-01T12:14", ["2026-01-01T12:15", "2026-01-02T12:15"]),
        ("cron(0 18 ? * MON-FRI *)", "2026-01-02T17:00", ["2026-01-02T18:00", "2026-01-05T18:00"]),
        ("cron(0 8 1 * ? *)", "2026-01-15T00:00", ["2026-02-01T08:00", "2026-03-01T08:00"]),
        ("cron(0/15 * * * ? *)", "2026-01-01T00:01", ["2026-01-01T00:15", "2026-01-01T00:30"]),
        ("cron(0/10 * ? * MON-FRI *)", "2026-01-02T23:55", ["2026-01-05T00:00", "2026-01-05T00:10"]),
        ("cron(0/30 20-2 ? * MON-FRI *)", "2026-01-05T02:15", ["2026-01-05T02:30", "2026-01-05T20:00"]),
        ("cron(15 10 ? * 6L 2026-2027)", "2026-01-01T00:00", ["2026-01-30T10:15", "2026-02-27T10:15"]),
        ("cron(0 9 ? * 2#1 *)", "2026-01-06T00:00", ["2026-02-02T09:00", "2026-03-02T09:00"]),
        ("cron(0 0 L * ? *)", "2024-01-31T12:00", ["2024-02-29T00:00", "2024-03-31T00:00"]),
        ("cron(0 0 1W * ? *)", "2026-07-31T00:00", ["2026-08-03T00:00", "2026-09-01T00:00"]),
        ("cron(0 0 LW * ? *)", "2026-01-01T00:00", ["2026-01-30T00:00", "2026-02-27T00:00"]),
        ("cron(0 0 31 * ? *)", "2026-01-31T00:00", ["2026-03-31T00:00", "2026-05-31T00:00"]),
        ("cron(0 0 ? JAN,JUL SUN *)", "2026-01-31T00:00", ["2026-07-05T00:00", "2026-07-12T00:00"]),
        ("cron(0 0 1 1 ? 2026)", "2026-01-01T00:00", []),
    ],
)
def test_cron_fires_when_aws_says(text: str, start: str, expected: list[str]) -> None:
    assert times(text, start, 2) == expected


@pytest.mark.parametrize(
    "text",
    [
        "cron(0 10 * * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 0 0 * ? *)",
        "cron(0 0 ? * 0 *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * MON#6 *)",
        "cron(0 0 * FOO ? *)",
        "cron(0 0 * * ? 1969)",
        "cron(0 0 * * ? 2030-2029)",
        "cron(*/0 0 * * ? *)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(0 minutes)",
        "rate(-1 minutes)",
        "rate(1 second)",
        "at(2026-13-01T00:00:00)",
        "every day",
        "",
    ],
)
def test_what_aws_refuses_is_refused(text: str) -> None:
    with pytest.raises(BadDefinition):
        parse(text)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(BadDefinition, match="time zone"):
        parse("cron(0 0 * * ? *)", "Mars/Olympus")


def test_cron_follows_the_wall_clock_of_its_zone() -> None:
    # Clocks in Berlin go forward on 2026-03-29.
    assert times("cron(0 8 * * ? *)", "2026-03-28T00:00", 2, "Europe/Berlin") == [
        "2026-03-28T07:00",
        "2026-03-29T06:00",
    ]


def test_a_time_that_the_clock_skips_does_not_fire_and_one_that_it_repeats_fires_once() -> None:
    skipped = times("cron(30 2 * * ? *)", "2026-03-28T12:00", 1, "Europe/Berlin")
    assert skipped == ["2026-03-30T00:30"]
    repeated = times("cron(30 2 * * ? *)", "2026-10-24T12:00", 2, "Europe/Berlin")
    assert repeated == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_a_rate_counts_from_its_anchor() -> None:
    anchor = datetime(2026, 1, 1, tzinfo=UTC)
    rate = parse("rate(5 minutes)")
    assert rate.after(anchor - timedelta(seconds=1), anchor) == anchor
    assert rate.after(anchor, anchor) == anchor + timedelta(minutes=5)
    assert rate.after(anchor + timedelta(minutes=12), anchor) == anchor + timedelta(minutes=15)


def test_at_fires_once() -> None:
    assert times("at(2026-05-01T12:00:00)", "2026-04-01T00:00", 3, "Europe/Berlin") == ["2026-05-01T10:00"]


@pytest.mark.parametrize("text", ["rate(99999999999999 days)", "rate(" + "9" * 5000 + " days)", "cron(" + "1," * 9999])
def test_an_endless_expression_is_refused_and_does_not_crash(text):
    with pytest.raises(BadDefinition):
        parse(text)
