"""`--flow` is kept with an environment, and one that there is not is refused before it is."""

from __future__ import annotations

import pytest

from pipeline.cli.flows import want_flows
from pipeline.core.clients import client
from pipeline.core.errors import BadInput
from pipeline.deploy import environments
from pipeline.deploy.packaging import flows_of_checkout
from tests.conftest import ROOT

THERE = ("feeds", "others")


def flows() -> str | None:
    return environments.stored(client("ssm"), "local").get("flows")


def test_a_flow_is_added_to_those_that_the_environment_has(aws: None) -> None:
    for _ in range(2):
        want_flows("local", ["feeds"], THERE, laptop=True)
        assert flows() == "feeds"
    want_flows("local", ["others"], THERE, laptop=True)
    assert flows() == "feeds,others"


def test_an_unknown_flow_is_refused_and_the_environment_stays_as_it_was(aws: None) -> None:
    want_flows("local", ["others"], THERE, laptop=True)
    with pytest.raises(BadInput, match="there is no flow feedz") as raised:
        want_flows("local", ["feeds", "feedz"], THERE, laptop=True)
    assert "feeds, others" in str(raised.value.hint)
    assert flows() == "others"


def test_the_flows_of_a_checkout_are_those_that_its_templates_name() -> None:
    assert flows_of_checkout(ROOT) == {"feeds", "forecasts"}
