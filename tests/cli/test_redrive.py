"""What the mending commands send back."""

from __future__ import annotations

import json

import pytest

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused
from pipeline.core.events.s3 import SendAgain, parse
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting
from pipeline.operate.flows import flows_of
from tests.cli.conftest import ORDERS, Actor


def documented(result):
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def sent_again(lake):
    url = lake.settings[Setting.RAW_QUEUE_URL]
    messages = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [event for message in messages for event in parse(message["Body"])]


def test_what_an_execution_of_stage_a_carried_goes_through_it_again(sluice, lake, orders):
    failed, staged = orders.register(orders.drop("failed.csv")), orders.stage("staged.csv")
    lake.catalog.move(failed, Status.FAILED, orders.name, reason="killed")
    items = [
        {"bucket": o.bucket, "key": o.key, "version_id": o.version_id, "generation": 1, "event_ms": 1}
        for o in (failed, staged)
    ]
    machine = lake.settings[Setting.STAGE_A_MACHINE]
    client("stepfunctions").start_execution(
        stateMachineArn=machine, name="group-1", input=json.dumps({"objects": items})
    )
    done = documented(sluice("redrive", "--execution", "group-1", "--json"))
    assert (done["sent"], done["refused"]) == (1, [lake.catalog.get(staged).id])
    assert sent_again(lake) == [SendAgain(failed, 2)]


def attention(sluice, name):
    return json.loads(sluice("status", name, "--json").stdout)["attention"]


def test_what_somebody_dismissed_needs_no_attention_until_something_becomes_of_it(sluice, lake):
    actor = Actor(lake, {**ORDERS, "dataset": "dismissed"})
    bad = actor.register(actor.drop("bad.csv"))
    lake.catalog.move(bad, Status.QUARANTINED, actor.name, reason="no CSV")
    assert [trouble["objects"] for trouble in attention(sluice, actor.name)] == [1]
    said = ("--reason", "its rows came in b.csv", "--by", "who", "--json")
    assert documented(sluice("dismiss", bad.uri, *said)) == {"dismissed": 1}
    assert attention(sluice, actor.name) == []
    assert "by who" in sluice("why", bad.uri).stdout
    assert isinstance(sluice("dismiss", bad.uri, *said).exception, Refused)

    assert documented(sluice("redrive", bad.uri, "--json"))["sent"] == 1
    lake.catalog.send_again(sent_again(lake)[0], actor.work.dataset.name)
    lake.catalog.move(bad, Status.FAILED, actor.name, reason="again")
    assert [trouble["status"] for trouble in attention(sluice, actor.name)] == ["FAILED"]
    assert documented(sluice("dismiss", "--dataset", actor.name, "--reason", "all", "--json")) == {"dismissed": 1}


def test_nothing_is_dismissed_without_a_reason(sluice, lake):
    actor = Actor(lake, {**ORDERS, "dataset": "undismissed"})
    bad = actor.register(actor.drop("bad.csv"))
    lake.catalog.move(bad, Status.QUARANTINED, actor.name, reason="no CSV")
    for arguments in ((bad.uri,), (bad.uri, "--reason", " "), ("--reason", "x"), (bad.uri, "--dataset", actor.name)):
        assert isinstance(sluice("dismiss", *arguments).exception, BadInput)
    assert [trouble["objects"] for trouble in attention(sluice, actor.name)] == [1]


def test_the_batch_of_an_execution_of_stage_b_is_loaded_again_as_a_new_one(sluice, lake, orders):
    obj = orders.stage("broken.csv")
    batch = orders.open(obj)
    lake.finisher.fail(orders.name, batch, orders.work.table, "a bug")
    done = documented(sluice("redrive", "--execution", batch, "--json"))
    assert done["restaged"] == 1
    assert done["batch"] not in (None, batch)
    assert lake.catalog.get(obj).batch == done["batch"]


def test_what_has_expired_of_a_batch_goes_through_stage_a_again(sluice, lake, orders):
    if active := lake.batches.active(orders.name):
        lake.finisher.fail(orders.name, active, orders.work.table, "of another test")
    obj = orders.stage("old.csv")
    batch = orders.open(obj)
    lake.finisher.fail(orders.name, batch, orders.work.table, "a bug")
    bucket, _, key = lake.catalog.get(obj).staged.removeprefix("s3://").partition("/")
    client("s3").delete_object(Bucket=bucket, Key=key)
    done = documented(sluice("redrive", "--batch", batch, "--json"))
    assert (done["sent"], done["restaged"], done["batch"]) == (1, 0, None)
    assert sent_again(lake) == [SendAgain(obj, 2)]


def test_what_could_not_be_marked_as_failed_is_handed_to_its_function_again(sluice, lake, monkeypatch):
    marking = flows_of(lake).dead_letters["stage-a-failures"]
    dead, function = marking.url, marking.invoked
    for number in (1, 2):
        body = {"requestPayload": {"detail": {"executionArn": f"e{number}"}}, "responsePayload": {"errorType": "X"}}
        client("sqs").send_message(QueueUrl=dead, MessageBody=json.dumps(body))
    attention = documented(sluice("status", "--json"))["attention"]
    todo = next(t["todo"] for t in attention if t["status"] == "DEAD_LETTERS")
    assert "sluice logs mark-stage-a-failed" in todo
    assert "sluice redrive --queue stage-a-failures" in todo
    invoked = []
    client("lambda").meta.events.register_first(
        "before-call.lambda.Invoke", lambda params, **_: invoked.append((params["url_path"], params["body"]))
    )
    made = sluice("redrive", "--queue", "stage-a-failures", "--json")
    assert isinstance(made.exception, client("lambda").exceptions.ResourceNotFoundException), "no function is there"
    (path, body), *_ = invoked
    assert function in path
    assert json.loads(body)["detail"]["executionArn"] in ("e1", "e2")
    attributes = client("sqs").get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    assert int(attributes["ApproximateNumberOfMessages"]) == 2, "what was not handed on stays"


def test_an_execution_that_is_not_there_is_refused(sluice):
    assert isinstance(sluice("redrive", "--execution", "nothing").exception, Refused)


@pytest.mark.parametrize("arguments", [[], ["--batch", "b", "--execution", "e"]])
def test_exactly_one_thing_is_sent_back(sluice, arguments):
    refused = sluice("redrive", *arguments).exception
    assert isinstance(refused, BadInput)
    assert "--execution" in refused.hint


def test_redrive_takes_the_names_that_why_takes(sluice, lake):
    actor = Actor(lake, {**ORDERS, "dataset": "named"})
    first, second = (actor.register(actor.drop("bad.csv", body)) for body in (b"1", b"2"))
    for obj in (first, second):
        lake.catalog.move(obj, Status.QUARANTINED, actor.name, reason="no CSV")
    for named in (first.uri, first.key):
        assert sluice("why", named).exit_code == 0
        assert documented(sluice("redrive", named, "--json"))["sent"] == 2
        assert set(sent_again(lake)) == {SendAgain(first, 2), SendAgain(second, 2)}
    assert documented(sluice("redrive", first.key, "--version", first.version_id, "--json"))["sent"] == 1
    assert sent_again(lake) == [SendAgain(first, 2)]
    for arguments in (("why", first.key), ("redrive", first.key)):
        assert "has no version nothing" in str(sluice(*arguments, "--version", "nothing").exception)


def test_what_redrive_refuses_it_says_as_why_does(sluice, lake, orders):
    loaded, key = orders.stage("waits-2.csv"), f"{orders.name}/never.csv"
    for named in (loaded.key, key):
        refused = sluice("redrive", named).exception
        assert isinstance(refused, Refused)
        found = json.loads(sluice("why", named, "--json").stdout)
        [told] = [version["todo"] for version in found["versions"]] or [found["todo"]]
        assert refused.hint == told
