"""Settings of an environment, in a Parameter Store of moto's."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pipeline.cloudformation.templates import load_template
from pipeline.core.clients import client
from pipeline.core.errors import BadInput
from pipeline.deploy import environments
from pipeline.deploy.environments import SETTINGS, Source
from pipeline.deploy.packaging.package import LAKE, once
from tests.conftest import ROOT

PATHS = sorted((ROOT / "definitions" / "stacks").glob("*.yaml"))
STACKS = {path.stem: load_template(path) for path in PATHS}
FLOWS = "Flows"
NO_SETTINGS = {
    "Lake",
    # What a backend says of where it is.
    "Network",
    "Env",
    "ArtefactBucket",
    "LibraryUri",
    "DeequJarUris",
    "QualityWheelsUri",
    "ConvertWheelsUri",
    "UpkeepWheelsUri",
    "DeploymentRole",
}
"""What a deployment itself gives the stacks."""


def declared() -> dict[str, list[dict[str, Any]]]:
    """The parameters of the lake's stacks, as each declares them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in PATHS:
        template = STACKS[path.stem]
        for name, declaration in template.get("Parameters", {}).items():
            if once(template, path) == LAKE and name not in NO_SETTINGS:
                found.setdefault(name, []).append(declaration)
    return found


@pytest.fixture
def ssm(aws: None) -> Any:
    return client("ssm")


def write(ssm: Any, name: str, value: str) -> None:
    ssm.put_parameter(Name=f"/sluice/dev/settings/{name}", Value=value, Type="String")


def test_every_parameter_of_the_stacks_is_a_setting_or_follows_from_some_and_every_setting_is_a_parameter():
    settings = {setting.parameter for setting in SETTINGS.values()} - {FLOWS}
    assert set(declared()) == settings | {"RawVisibilityTimeout"}
    assert set(declared()) == set(environments.stack_parameters({}, "dev")) - {FLOWS}


def test_what_follows_from_a_setting_is_declared_for_all_that_it_may_be():
    window = SETTINGS["route-batching-window"]
    (declaration,) = declared()["RawVisibilityTimeout"]
    assert declaration["Default"] == environments.raw_visibility_s(int(window.default))
    assert declaration["MinValue"] <= environments.raw_visibility_s(window.at_least)
    assert declaration["MaxValue"] >= environments.raw_visibility_s(window.at_most)
    assert STACKS["stage_a"]["Resources"]["RouteFunction"]["Properties"]["Timeout"] == environments.ROUTE_TIMEOUT_S


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_the_stacks_declare_a_setting_as_the_table_does(setting: environments.EnvironmentSetting):
    assert (setting.parameter in declared()) == (setting.parameter != FLOWS), "it says which stacks there are"
    for parameter in declared().get(setting.parameter, ()):
        assert str(parameter["Default"]) == setting.default
        bounds = (parameter.get("MinValue"), parameter.get("MaxValue"))
        assert bounds == (setting.at_least, setting.at_most)
        assert tuple(map(str, parameter.get("AllowedValues", ()))) == setting.choices


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_default_is_allowed_and_a_setting_says_what_is(setting: environments.EnvironmentSetting):
    for default in {setting.default, setting.laptop or setting.default} - {""}:
        assert setting.accepts(default)
    assert setting.allowed
    assert setting.meaning


def test_nothing_set_gives_the_defaults_of_the_templates():
    given = environments.stack_parameters({}, "dev")
    assert given == {FLOWS: "", **{name: str(each[0]["Default"]) for name, each in declared().items()}}


def test_a_laptop_has_its_own_defaults_and_takes_what_is_set():
    found = environments.stack_parameters({"glue-workers": "4"}, "local", laptop=True)
    wanted = {"RouteBatchSize": "10", "RouteBatchingWindow": "0", "GlueWorkers": "4", "LogRetentionDays": "30"}
    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("glue-version", "7.0"), ("glue-concurrent-runs", "0"), ("glue-concurrent-runs", "1001"),
        ("glue-workers", "1"), ("glue-workers", "300"), ("glue-workers", "2.5"), ("glue-workers", "٣"),
        ("glue-workers", " 3"), ("glue-workers", "03"), ("glue-workers", ""), ("glue-worker-type", "g.1x"),
        ("log-retention-days", "31"), ("alarm-email", "nobody"), ("alarm-email", "a@b.c, d@e.f"),
        ("route-concurrency", "1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_where_it_stands_and_what_is_allowed(name: str, value: str):
    with pytest.raises(BadInput) as refused:
        environments.stack_parameters({name: value}, "dev")
    assert refused.value.message == (
        f"/sluice/dev/settings/{name}: {value!r} is not allowed; it is {SETTINGS[name].allowed}"
    )


def test_an_unknown_name_in_parameter_store_stops_a_deployment_and_is_named(ssm: Any):
    write(ssm, "route-batchsize", "10")
    write(ssm, "glue/workers", "10")
    with pytest.raises(BadInput) as refused:
        environments.stack_parameters(environments.stored(ssm, "dev"), "dev")
    assert "/sluice/dev/settings/route-batchsize: there is no such setting; is route-batch-size meant?" in str(
        refused.value
    )
    assert "/sluice/dev/settings/glue/workers: there is no such setting" in str(refused.value)


def test_all_settings_are_read_however_many_pages_they_take(ssm: Any):
    for number in range(25):
        write(ssm, f"unknown-{number}", "x")
    assert len(environments.stored(ssm, "dev")) == 25


def test_what_is_set_is_read_back_and_unset_again(ssm: Any):
    environments.put(ssm, "dev", "glue-workers", "4")
    environments.put(ssm, "dev", "glue-workers", "5")
    assert environments.stored(ssm, "dev") == {"glue-workers": "5"}
    assert environments.stored(ssm, "test") == {}
    assert environments.remove(ssm, "dev", "glue-workers")
    assert not environments.remove(ssm, "dev", "glue-workers")
    assert environments.stored(ssm, "dev") == {}


def test_what_is_refused_is_not_set(ssm: Any):
    with pytest.raises(BadInput, match="glue-workers: '1' is not allowed"):
        environments.put(ssm, "dev", "glue-workers", "1")
    with pytest.raises(BadInput, match="is glue-workers meant"):
        environments.put(ssm, "dev", "glue-worker", "3")
    with pytest.raises(BadInput, match="is glue-workers meant"):
        environments.remove(ssm, "dev", "glue-worker")
    assert environments.stored(ssm, "dev") == {}


def test_a_large_batch_without_a_window_is_refused_as_lambda_would(ssm: Any):
    with pytest.raises(BadInput, match="0 is not allowed with a route-batch-size of 100; from 1"):
        environments.put(ssm, "dev", "route-batching-window", "0")
    environments.put(ssm, "dev", "route-batch-size", "10")
    environments.put(ssm, "dev", "route-batching-window", "0")
    with pytest.raises(BadInput, match="route-batch-size of 100"):
        environments.remove(ssm, "dev", "route-batch-size")


def test_what_is_wrong_already_can_be_mended_in_any_order(ssm: Any):
    write(ssm, "old-name", "1")
    write(ssm, "glue-workers", "many")
    environments.put(ssm, "dev", "alarm-email", "lake@example.org")
    environments.put(ssm, "dev", "glue-workers", "3")
    assert environments.remove(ssm, "dev", "old-name")
    assert environments.problems(environments.stored(ssm, "dev"), "dev") == []


def test_an_embedded_lake_refuses_what_it_cannot_do(ssm: Any):
    with pytest.raises(BadInput, match=r"alarm-email: cannot be set for an embedded lake: .* sends no mail"):
        environments.put(ssm, "local", "alarm-email", "lake@example.org", laptop=True)


def test_values_say_where_they_come_from():
    found = {value.setting.name: value for value in environments.values({"glue-workers": "4"}, laptop=True)}
    assert (found["glue-workers"].value, found["glue-workers"].source) == ("4", Source.STORED)
    assert (found["route-batch-size"].value, found["route-batch-size"].source) == ("10", Source.LAPTOP)
    assert (found["route-concurrency"].value, found["route-concurrency"].source) == ("10", Source.DEFAULT)


def embedded(setting: environments.EnvironmentSetting) -> str:
    return f"not there: {setting.never_on_laptop}" if setting.never_on_laptop else setting.laptop or setting.default


def test_the_page_has_every_setting_as_the_table_does():
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = [
        f"| `{each.name}` | {each.meaning} | {each.allowed} | {each.default or 'none'} | {embedded(each)} | "
        f"`{each.parameter}` |"
        for each in SETTINGS.values()
    ]
    assert [line for line in page.splitlines() if re.match(r"\| `[a-z-]+` \|", line)] == rows


@pytest.mark.parametrize(("version", "why"), [("5.0", "it has Iceberg 1.7.1"), ("6.0", "the lake's Deequ is made for")])
def test_a_version_of_glue_that_jobs_cannot_run_on_is_refused_with_the_reason(ssm: Any, version: str, why: str):
    with pytest.raises(BadInput, match=f"glue-version: '{version}' is not allowed: .*{why}.*; it is one of 5.1"):
        environments.put(ssm, "dev", "glue-version", version)
    write(ssm, "glue-version", version)
    with pytest.raises(BadInput, match=why):
        environments.stack_parameters(environments.stored(ssm, "dev"), "dev")
