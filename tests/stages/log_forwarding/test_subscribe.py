"""Every log group of the lake gets its filter once, and loses it where nothing is forwarded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from pipeline.core.clients import client
from pipeline.core.settings import Settings
from pipeline.log_forwarding.services import LogForwarding
from pipeline.log_forwarding.settings import Setting
from pipeline.log_forwarding.subscriptions import Filter, Group, Plan, plan
from stages.log_forwarding.subscribe import subscribe_log_groups

WANTED = Filter("sluice-dev-log-forwarding", "arn:forward:live")
OTHER, THIRD = Filter("siem", "arn:siem"), Filter("audit", "arn:audit")
OWN = "/sluice/dev/lambda/forward-logs"


def planned(*filters: Filter, name: str = "/sluice/dev/lambda/route", is_on: bool = True) -> Plan:
    return plan([Group(name, filters)], WANTED, is_on=is_on, own={OWN})


def test_a_group_gets_the_filter_beside_one_of_others() -> None:
    assert planned() == planned(OTHER) == Plan(("/sluice/dev/lambda/route",), (), ())


def test_a_group_that_has_it_is_left_alone() -> None:
    assert planned(WANTED, OTHER) == Plan((), (), ())


def test_a_group_without_room_is_named_and_nothing_of_it_changed() -> None:
    assert planned(OTHER, THIRD) == Plan((), (), ("/sluice/dev/lambda/route",))


@pytest.mark.parametrize("stale", [Filter(WANTED.name, "arn:before"), Filter(WANTED.name, WANTED.destination, "ERROR")])
def test_a_filter_of_that_name_is_brought_to_what_it_has_to_be(stale: Filter) -> None:
    assert planned(stale, OTHER) == Plan(("/sluice/dev/lambda/route",), (), ())


def test_the_own_groups_have_none_whoever_made_it() -> None:
    by_hand = Filter("by-hand", WANTED.destination)
    assert planned(by_hand, OTHER, name=OWN) == Plan((), ((OWN, "by-hand"),), ())
    assert planned(name=OWN) == Plan((), (), ())


def test_where_it_is_off_filters_of_ours_go_and_those_of_others_stay() -> None:
    assert planned(WANTED, OTHER, is_on=False) == Plan((), (("/sluice/dev/lambda/route", WANTED.name),), ())


def possible() -> Iterator[Plan]:
    every = (WANTED, Filter("by-hand", WANTED.destination), Filter(WANTED.name, "arn:before"), OTHER, THIRD)
    for size in range(3):
        for filters in itertools.combinations(every, size):
            if len({each.name for each in filters}) == size:
                for name, is_on in itertools.product((OWN, "/sluice/dev/lambda/route"), (True, False)):
                    yield from _twice(Group(name, filters), is_on)


def _twice(group: Group, is_on: bool) -> Iterator[Plan]:
    """The plan for what a plan leaves."""
    first = plan([group], WANTED, is_on=is_on, own={OWN})
    left = {each.name: each for each in group.filters if (group.name, each.name) not in first.remove}
    if first.put:
        left[WANTED.name] = WANTED
    assert len(left) <= 2
    yield plan([Group(group.name, tuple(left.values()))], WANTED, is_on=is_on, own={OWN})


def test_a_second_time_changes_nothing_whatever_there_was() -> None:
    every = list(possible())
    assert len(every) > 30
    assert all((each.put, each.remove) == ((), ()) for each in every)


def test_it_reads_whether_it_is_on_at_each_call(aws: None) -> None:
    """A warm function runs at once where the setting has changed, and then not for minutes."""
    names = {
        Setting.LOG_SETTINGS: "/sluice/dev/log-forwarding/",
        Setting.LOG_GROUPS: "/sluice/dev/",
        Setting.OWN_LOG_GROUPS: OWN,
        Setting.LOG_FILTER: WANTED.name,
        Setting.FORWARD_FUNCTION: WANTED.destination,
    }
    forwarding = LogForwarding(Settings(names, "the test"))
    subscribe = subscribe_log_groups.__wrapped__  # type: ignore[attr-defined]

    def set_to(endpoint: str) -> None:
        name = "/sluice/dev/log-forwarding/log-endpoint"
        client("ssm").put_parameter(Name=name, Value=endpoint, Type="String", Overwrite=True)

    set_to("off")
    assert subscribe({}, forwarding) == {"subscribed": 0, "unsubscribed": 0}
    assert not forwarding.is_on
    set_to("https://logs.example.org/")
    subscribe({}, forwarding)
    assert forwarding.is_on
