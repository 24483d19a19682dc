"""Who asks, and whose turn it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.executions import name_for
from pipeline.emulator.fair_queue import FairQueue, asker_of

MACHINE = "arn:aws:states:eu-west-1:123456789012:execution:sluice-local-stage-a"


def test_the_executions_of_a_dataset_ask_as_one_and_those_of_others_do_not():
    shop, farm = (
        {asker_of(f"{MACHINE}:{name_for(name, str(n))}") for n in range(3)} for name in ("shop/orders", "farm/eggs")
    )
    assert len(shop) == len(farm) == 1
    assert shop != farm


@pytest.mark.parametrize("names", [("01KF0A", "01KF0B"), ("c1-b2-c3", "c1-b4-c3"), ("a", "b")])
def test_executions_of_other_names_ask_each_for_itself(names: tuple[str, str]):
    assert len({asker_of(f"{MACHINE}:{name}") for name in names}) == len(set(names))


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_everybody_is_served_once_in_turn_and_in_order(askers: list[str]):
    line = FairQueue[tuple[str, int]]()
    for number, who in enumerate(askers):
        line.add(who, (who, number))
    served = []
    while line:
        served.append(line.take())
    assert sorted(number for _, number in served) == list(range(len(askers)))
    for who in "abc":
        mine = [number for name, number in served if name == who]
        assert mine == sorted(mine)
        # Whoever brought one is served before anybody's second but one.
        if mine:
            assert served.index((who, mine[0])) < len(set(askers))
