"""What is wrong with one dataset is no error of the function, which would take back the version that is rolled out."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.errors import BadDefinition, BadInput, Inconsistent, Misconfigured, Refused, Throttled, Transient
from stages.stage_b.poll import poll_dataset

poll: Callable[[dict[str, Any], Any], dict[str, Any]] = poll_dataset.__wrapped__  # type: ignore[attr-defined]
SETTINGS = {"min_objects": 1, "max_objects": 100, "max_wait": "30 minutes"}
EVENT = {"dataset": "shop/orders", "queue_url": "https://q", "stage_b": SETTINGS}


def lake(error: Exception) -> Any:
    """A lake whose poller meets an error with every dataset."""

    def meets(order: Any) -> None:
        raise error

    return SimpleNamespace(poller=SimpleNamespace(poll=meets))


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_NAMESPACE", "sluice/dev")


@pytest.mark.parametrize("error", [BadInput("x"), BadDefinition("x"), Inconsistent("x"), Refused("x")])
def test_a_datasets_own_trouble_is_told_by_its_alarm(
    error: Exception, namespace: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert poll(EVENT, lake(error)) == {"outcome": "FAILED", "batch": None}
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["Dataset"] == "shop/orders"
    assert told["BatchesFailed"] == told["NotLoaded"] == [1]


def test_a_schedule_whose_settings_make_no_sense_is_its_datasets_trouble(namespace: None) -> None:
    event = EVENT | {"stage_b": SETTINGS | {"min_objects": -1}}
    assert poll(event, lake(AssertionError("never asked")))["outcome"] == "FAILED"


@pytest.mark.parametrize("error", [Transient("x"), Throttled("x"), Misconfigured("x"), KeyError("x"), TypeError("x")])
def test_what_lies_at_the_function_or_around_it_fails_the_function(error: Exception) -> None:
    with pytest.raises(type(error)):
        poll(EVENT, lake(error))
