from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.eventbridge.schedules import Schedules
from pipeline.emulator.gateway.server import Front
from tests.patience import until

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:poll"
ROLE = "arn:aws:iam::123456789012:role/scheduler"

Aws = Callable[[str], Any]


class Fired:
    """Schedules with a clock that tests set, and what they invoked."""

    def __init__(self) -> None:
        # Later than a schedule is made by a busy machine, and less than a minute later.
        self.now = datetime.now(UTC) + timedelta(seconds=30)
        self.calls: list[tuple[str, Any]] = []
        self.schedules = Schedules(self._deliver, clock=lambda: self.now)

    def _deliver(self, source: str, target: Any, event: str) -> None:
        self.calls.append((target["Arn"], json.loads(event)))

    def pass_time(self, **duration: float) -> list[Any]:
        """Let time pass and the clock tick; the events that were fired."""
        self.now += timedelta(**duration)
        self.schedules.tick()
        events = [event for _, event in self.calls]
        self.calls.clear()
        return events


@pytest.fixture
def fired(no_schedules_left: None) -> Fired:
    return Fired()


def schedule(aws: Aws, expression: str, **settings: Any) -> None:
    target = {"Arn": FUNCTION, "RoleArn": ROLE, "Input": '{"dataset": "a/b"}', **settings.pop("Target", {})}
    aws("scheduler").create_schedule(
        Name="poll",
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={key: value for key, value in target.items() if value is not None},
        **settings,
    )


def rule(aws: Aws, expression: str, **target: Any) -> None:
    events = aws("events")
    events.put_rule(Name="nightly", ScheduleExpression=expression)
    events.put_targets(Rule="nightly", Targets=[{"Id": "1", "Arn": FUNCTION, **target}])


def test_a_rate_fires_when_it_is_made_and_then_every_period(aws: Aws, fired: Fired) -> None:
    schedule(aws, "rate(5 minutes)")
    assert fired.pass_time(seconds=0) == [{"dataset": "a/b"}]
    assert fired.pass_time(minutes=4) == []
    assert fired.pass_time(minutes=1) == [{"dataset": "a/b"}]


def test_missed_firings_are_made_up_for_by_one(aws: Aws, fired: Fired) -> None:
    schedule(aws, "rate(5 minutes)")
    fired.pass_time(seconds=0)
    assert len(fired.pass_time(hours=3)) == 1
    assert fired.pass_time(minutes=1) == []


def test_a_cron_fires_at_its_time_in_its_zone(aws: Aws, fired: Fired) -> None:
    schedule(aws, "cron(0 10 * * ? *)", ScheduleExpressionTimezone="Asia/Tokyo", Target={"Input": None})
    fired.pass_time(seconds=0)
    [event] = fired.pass_time(days=1)
    assert event["source"] == "aws.scheduler"
    assert event["time"].endswith("T01:00:00Z")


def test_a_single_firing_happens_once_and_may_delete_its_schedule(aws: Aws, fired: Fired) -> None:
    moment = fired.now + timedelta(hours=1)
    schedule(aws, f"at({moment:%Y-%m-%dT%H:%M:%S})", ActionAfterCompletion="DELETE")
    assert fired.pass_time(minutes=59) == []
    assert len(fired.pass_time(minutes=1)) == 1
    assert fired.pass_time(days=1) == []
    assert aws("scheduler").list_schedules()["Schedules"] == []


def test_a_disabled_schedule_does_not_fire_until_it_is_enabled(aws: Aws, fired: Fired) -> None:
    schedule(aws, "rate(1 minute)", State="DISABLED")
    assert fired.pass_time(minutes=5) == []
    aws("scheduler").update_schedule(
        Name="poll",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": FUNCTION, "RoleArn": ROLE, "Input": "{}"},
        State="ENABLED",
    )
    assert fired.pass_time(minutes=1) == [{}]


def test_a_schedule_ends_with_its_end_date(aws: Aws, fired: Fired) -> None:
    schedule(aws, "rate(1 hour)", EndDate=fired.now + timedelta(hours=2))
    assert [len(fired.pass_time(hours=hours)) for hours in (0, 1, 1, 1)] == [1, 1, 1, 0]


def test_input_may_name_the_schedule_and_its_time(aws: Aws, fired: Fired) -> None:
    text = '{"arn": "<aws.scheduler.schedule-arn>", "time": "<aws.scheduler.scheduled-time>"}'
    schedule(aws, "rate(1 hour)", Target={"Input": text})
    [event] = fired.pass_time(seconds=0)
    assert event["arn"].endswith("schedule/default/poll")
    assert event["time"].startswith("20")


def test_a_rule_fires_after_one_period_with_a_scheduled_event(aws: Aws, fired: Fired) -> None:
    rule(aws, "rate(1 hour)")
    assert fired.pass_time(seconds=0) == []
    [event] = fired.pass_time(hours=1)
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["resources"] == ["arn:aws:events:eu-west-1:123456789012:rule/nightly"]
    assert event["detail"] == {}


def test_a_rules_target_may_have_a_constant_input(aws: Aws, fired: Fired) -> None:
    rule(aws, "cron(0 0 * * ? *)", Input='{"n": 1}')
    fired.pass_time(seconds=0)
    assert fired.pass_time(days=1) == [{"n": 1}]


def test_hurry_fires_every_enabled_schedule_now_and_leaves_its_times(aws: Aws, fired: Fired) -> None:
    schedule(aws, "rate(1 day)")
    rule(aws, "rate(1 day)", Input="{}")
    fired.pass_time(seconds=0)
    assert fired.schedules.hurry() == 2
    assert [event for _, event in fired.calls] == [{"dataset": "a/b"}, {}]
    fired.calls.clear()
    assert fired.pass_time(hours=1) == []


def test_hurry_fires_those_alone_that_give_a_named_text_whole(aws: Aws, fired: Fired) -> None:
    schedule(aws, "rate(1 day)")
    rule(aws, "rate(1 day)", Input='{"dataset": "a/bc"}')
    fired.pass_time(seconds=0)
    fired.calls.clear()
    assert [fired.schedules.hurry(names) for names in (["a/b"], ["a/bc"], ["a/bc", "a/b"], ["a"], ["b/c"])] == [
        1,
        1,
        2,
        0,
        0,
    ]
    assert [event["dataset"] for _, event in fired.calls] == ["a/b", "a/bc", "a/b", "a/bc"]


@pytest.mark.parametrize("expression", ["cron(0 10 * * *)", "rate(1 minutes)", "soon"])
def test_an_expression_that_aws_would_refuse_is_refused_when_it_is_made(
    aws: Aws, fired: Fired, expression: str
) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        schedule(aws, expression)
    with pytest.raises(ClientError, match="ValidationException"):
        rule(aws, expression)


def test_a_target_that_we_do_not_fire_at_is_refused_when_it_is_made(aws: Aws, fired: Fired) -> None:
    stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
    with pytest.raises(ClientError, match="not to arn:aws:kinesis"):
        schedule(aws, "rate(1 hour)", Target={"Arn": stream})
    with pytest.raises(ClientError, match="not to arn:aws:kinesis"):
        rule(aws, "rate(1 hour)", Arn=stream)
    with pytest.raises(ClientError, match="does not honour KinesisParameters"):
        schedule(aws, "rate(1 hour)", Target={"KinesisParameters": {"PartitionKey": "k"}})


def test_the_thread_fires_by_itself(aws: Aws, front: Front) -> None:
    fired = Fired()
    schedule(aws, "rate(1 minute)")
    fired.schedules.start()
    try:
        assert until(lambda: fired.calls)[0][0] == FUNCTION
    finally:
        fired.schedules.stop()
        aws("scheduler").delete_schedule(Name="poll")
