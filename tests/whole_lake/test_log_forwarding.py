"""Log forwarding, on and off by its settings: a lake's log arrives at an HTTPS endpoint, or waits to be sent again.

A lake of its own: nobody else's log goes anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.embedded import call, run_schedules_now
from pipeline.core.clients import client
from pipeline.emulator.gateway.actions import Need
from pipeline.emulator.state import running as supervised
from pipeline.operate.flows import flows_of
from tests.deploying import deploy
from tests.log_forwarding.receiver import Receiver, receiver
from tests.patience import until
from tests.whole_lake.conftest import RunningLake, checkout_of, csv_text, point_at, running
from tests.whole_lake.roles import granted, roles_of_callers, unmet

OWN = {"/sluice/local/lambda/forward-logs", "/sluice/local/lambda/subscribe-logs"}
FILTER = "sluice-local-log-forwarding"
CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}, "stage_b": {"min_objects": 9}}
KEY = "Bearer of-the-test"


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield monkeypatch


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, patched: pytest.MonkeyPatch) -> Iterator[RunningLake]:
    with running(checkout_of(tmp_path_factory.mktemp("forwarding"))) as started:
        point_at(started, patched)
        yield started
        client.cache_clear()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiver(tmp_path_factory.mktemp("endpoint")) as started:
        yield started


def groups() -> list[str]:
    pages = client("logs").get_paginator("describe_log_groups").paginate()
    return [each["logGroupName"] for page in pages for each in page["logGroups"]]


def subscribed() -> set[str]:
    logs = client("logs")
    return {
        group
        for group in groups()
        for each in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        if each["filterName"] == FILTER
    }


def of_the_lake() -> set[str]:
    return {each for each in groups() if each.startswith(("/sluice/local/", "/aws/vendedlogs/states/sluice-local-"))}


def set_and_deploy(lake: RunningLake, *settings: tuple[str, ...]) -> None:
    for each in settings:
        done = lake.sluice("settings", *each)
        assert done.returncode == 0, done.stderr
    started = supervised(lake.root)
    assert started is not None
    deploy(lake.root, started)


def lines_of(there: Receiver, group: str) -> list[dict[str, Any]]:
    return [line for line in there.lines() if line["group"] == group]


def test_the_log_of_a_lake_is_forwarded_where_an_endpoint_is_set_and_kept_where_it_fails(
    lake: RunningLake, there: Receiver, tmp_path: Path
) -> None:
    assert subscribed() == set(), "nothing is forwarded without an endpoint"
    secret = client("secretsmanager").create_secret(
        Name="sluice-local-log-headers", SecretString=json.dumps({"Authorization": KEY})
    )
    set_and_deploy(
        lake,
        ("set", "log-endpoint", there.url),
        ("set", "log-authority", "--", there.authority),
        ("set", "log-headers", secret["ARN"]),
    )

    # Every group of the lake, those of its machines and jobs too; its own never.
    until(lambda: subscribed() == of_the_lake() - OWN)
    kinds = {
        "/sluice/local/lambda/route",
        "/sluice/local/glue/output",
        "/aws/vendedlogs/states/sluice-local-stage-a",
    }
    assert kinds <= subscribed()
    dataset = lake.define(CSV)
    dataset.drop("a.csv", csv_text("id", "1"))
    until(lambda: [each for each in lines_of(there, "/sluice/local/lambda/complete") if "record" in each])
    [routed] = [
        each["record"]
        for each in lines_of(there, "/sluice/local/lambda/route")
        if each.get("record", {}).get("dataset") == str(dataset.name)
    ][:1]
    assert routed["level"] == "INFO"
    assert {request.headers["Authorization"] for request in there.requests} == {KEY}
    assert {line["group"] for line in there.lines()} & OWN == set()

    # A group of a stack that came later.
    client("logs").create_log_group(logGroupName="/sluice/local/lambda/later")
    run_schedules_now(lake.endpoint)
    until(lambda: "/sluice/local/lambda/later" in subscribed())

    kept_and_sent_again(lake, there)
    nobody_did_what_the_roles_do_not_allow(lake)

    set_and_deploy(lake, ("unset", "log-endpoint"))
    until(lambda: subscribed() == set())


def kept_and_sent_again(lake: RunningLake, there: Receiver) -> None:
    """What the endpoint does not take is in the queue, encrypted, and arrives when it is redriven."""
    forward = flows_of(lake.lake).functions["forward-logs"]
    name, _, alias = forward.rpartition(":")
    # Without the minutes that Lambda waits before it calls again.
    client("lambda").update_function_event_invoke_config(FunctionName=name, Qualifier=alias, MaximumRetryAttempts=0)
    there.answers = [400]
    now = client("logs").describe_log_groups(logGroupNamePrefix="/sluice/local/lambda/later")["logGroups"][0]
    client("logs").create_log_stream(logGroupName="/sluice/local/lambda/later", logStreamName="s")
    client("logs").put_log_events(
        logGroupName="/sluice/local/lambda/later",
        logStreamName="s",
        logEvents=[
            {"timestamp": now["creationTime"] + n, "message": each} for n, each in enumerate(("first", "second"))
        ],
    )

    def attention() -> list[dict[str, Any]]:
        told = json.loads(lake.sluice("status", "--json").stdout)["attention"]
        return [each for each in told if each["status"] == "DEAD_LETTERS"]

    [issue] = until(attention)
    assert "sluice redrive --queue log-forwarding" in issue["todo"]
    dead = flows_of(lake.lake).dead_letters["log-forwarding"].url
    encrypted = client("sqs").get_queue_attributes(QueueUrl=dead, AttributeNames=["KmsMasterKeyId"])["Attributes"]
    assert encrypted["KmsMasterKeyId"]
    there.answers, there.requests = [200], []
    done = lake.sluice("redrive", "--queue", "log-forwarding")
    assert done.returncode == 0, done.stderr
    until(lambda: len(lines_of(there, "/sluice/local/lambda/later")) == 2)
    assert [each["message"] for each in lines_of(there, "/sluice/local/lambda/later")] == ["first", "second"]
    until(lambda: not attention())


def nobody_did_what_the_roles_do_not_allow(lake: RunningLake) -> None:
    done = [Need(**each) for each in call(lake.endpoint, "actions", key=lake.key)["actions"]]
    actions = {need.action for need in done}
    assert {"logs:PutSubscriptionFilter", "secretsmanager:GetSecretValue"} <= actions
    assert unmet(done, granted(), roles_of_callers()) == []
