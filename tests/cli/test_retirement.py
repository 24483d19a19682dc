"""Datasets whose file is gone: retired, drained, closed, brought back; on an embedded AWS with real stacks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.cli.plans import plans_json, say_plans
from pipeline.core.clients import client
from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.errors import Refused
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.deploy.datasets import application, retirement
from pipeline.deploy.datasets.definitions import _parts, apply_definitions, by_name, plan_deployed, refuse
from pipeline.deploy.embedded import EmbeddedBackend
from pipeline.deploy.rulesets import Rulesets
from pipeline.emulator.gateway.server import AwsServer
from pipeline.lake.catalog import Staging, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.files import read_all
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from pipeline.operate.redrive import redrive_objects
from pipeline.operate.status import gather
from tests.cli.checkouts import Put, Run, checkout, deployed, document, no_datasets, put, run

for fixture in (checkout, deployed, no_datasets, put, run):
    assert fixture

Remove = Callable[[str], None]


class Crash(BaseException):
    """The process died here."""


def empty(queue_url: str) -> None:
    while messages := client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture(autouse=True)
def no_events(deployed: Lake) -> None:
    empty(deployed.settings[Setting.RAW_QUEUE_URL])


@pytest.fixture
def remove(checkout: Path) -> Remove:
    """Remove the file of a dataset."""
    return lambda name: (checkout / "definitions" / "datasets" / f"{name}.yaml").unlink()


@pytest.fixture
def two(put: Put, run: Run) -> Callable[[str], DatasetName]:
    """Apply two datasets of a team, so that one of them may be retired; answers that one."""

    def apply(team: str) -> DatasetName:
        for dataset in ("orders", "stays"):
            put(team, dataset)
        assert len(document(run("apply", "--json"))["applied"]) == 2
        return DatasetName(team, "orders")

    return apply


def registration(lake: Lake, name: DatasetName) -> Registration:
    found = lake.registry.get(name)
    assert found
    return found


def has_queue(of: Registration) -> bool:
    try:
        client("sqs").get_queue_url(QueueName=of.queue_url.rpartition("/")[2])
    except client("sqs").exceptions.QueueDoesNotExist:
        return False
    return True


def has_schedule(name: DatasetName) -> bool:
    names = [schedule["Name"] for schedule in client("scheduler").list_schedules()["Schedules"]]
    return any(f'"{name}"' in client("scheduler").get_schedule(Name=each)["Target"]["Input"] for each in names)


def drop(lake: Lake, name: DatasetName, file: str = "a.csv") -> StageAWork:
    obj = ObjectVersion("raw", f"{name}/{file}", "v1")
    work = lake.catalog.register(ObjectCreated(obj, 5, "", 1, "0A"), name)
    assert work
    return work


def stage(lake: Lake, name: DatasetName, work: StageAWork) -> None:
    lake.catalog.stage(Staging(work, "c", False, {"staged": "s3://s/k", "staged_etag": "e"}), str(name))


def load(lake: Lake, name: DatasetName, work: StageAWork) -> None:
    for status in (Status.CLAIMED, Status.COMMITTED):
        assert lake.catalog.move(work.object, status, str(name)) is None


def test_a_dataset_without_a_file_loses_its_queue_and_schedule_and_nothing_else(
    deployed: Lake, two: Callable[[str], DatasetName], run: Run, remove: Remove
):
    name = two("quiet")
    work = drop(deployed, name)
    stage(deployed, name, work)
    load(deployed, name, work)
    remove("quiet/orders")
    (retired,) = document(run("apply", "--json"))["retired"]
    assert (retired["dataset"], retired["changes"]) == ("quiet/orders", ["retired", "stack deleted"])
    closed = registration(deployed, name)
    assert (closed.retired, closed.is_closed) == (retired["since"], True)
    assert not has_queue(closed)
    assert not has_schedule(name)
    assert client("glue").get_table(DatabaseName="sluice_local_quiet", Name="orders")
    row = deployed.catalog.get(work.object)
    assert row
    assert row.status is Status.COMMITTED
    (again,) = document(run("apply", "--json"))["retired"]
    assert (again["changes"], again["since"]) == ([], retired["since"])
    assert "quiet/orders" in gather(deployed).retired
    rows = {row["dataset"]: row for row in document(run("list", "--json"))["datasets"]}
    assert (rows["quiet/orders"]["files"], rows["quiet/orders"]["retired"]) == ("retired", retired["since"])


def begun(lake: Lake, name: DatasetName) -> Iterator[str]:
    """States in which the dataset's stack has to stay, one after the other, with a word of each."""
    work = drop(lake, name)
    yield "in Stage A"
    stage(lake, name, work)
    yield "staged and waiting for a batch"
    assert lake.catalog.move(work.object, Status.CLAIMED, str(name)) is None
    yield "in a batch"
    assert lake.catalog.move(work.object, Status.COMMITTED, str(name)) is None
    lock = {"dataset": {"S": str(name)}, "item": {"S": "LOCK"}}
    table = lake.settings[Setting.BATCHES_TABLE]
    client("dynamodb").put_item(TableName=table, Item={**lock, "active_batch": {"S": "01B"}})
    yield "batch 01B is being loaded"
    client("dynamodb").delete_item(TableName=table, Key=lock)
    dead = registration(lake, name).dead_letter_queue_url
    client("sqs").send_message(QueueUrl=dead, MessageBody="x")
    yield "1 message in its dead-letter queue"
    empty(dead)
    raw = lake.settings[Setting.RAW_QUEUE_URL]
    client("sqs").send_message(QueueUrl=raw, MessageBody="{}")
    yield "1 raw event of any dataset"
    empty(raw)


def test_the_stack_stays_while_anything_of_the_dataset_waits_or_runs(
    deployed: Lake, two: Callable[[str], DatasetName], run: Run, remove: Remove
):
    name = two("busy")
    remove("busy/orders")
    for word in begun(deployed, name):
        (retired,) = document(run("apply", "--json"))["retired"]
        assert [each for each in retired["waits"] if word in each], (word, retired)
        assert not retired["is_closed"]
        assert has_queue(registration(deployed, name))
        assert has_schedule(name)
        assert "retired, still loads busy/orders" in run("apply", "--plan").stdout
    assert "delete the stack busy/orders" in run("apply", "--plan").stdout
    assert has_queue(registration(deployed, name))
    assert document(run("apply", "--json"))["retired"][0]["changes"] == ["stack deleted"]
    assert not has_queue(registration(deployed, name))


def test_a_file_that_comes_back_brings_the_dataset_back_with_what_waited(
    deployed: Lake, two: Callable[[str], DatasetName], run: Run, remove: Remove, put: Put
):
    name = two("back")
    remove("back/orders")
    run("apply")
    obj = ObjectVersion("raw", "back/orders/late.csv", "v1")
    deployed.catalog.leave_unrouted(ObjectCreated(obj, 5, "", 1, None), "retired")
    put("back", "orders")
    assert "bring back back/orders" in run("apply", "--plan").stdout
    applied = {each["dataset"]: each for each in document(run("apply", "--json"))["applied"]}["back/orders"]
    assert applied["changes"] == ["stack deployed", "brought back"]
    assert applied["sent_again"] == 1
    found = registration(deployed, name)
    assert (found.retired, found.is_closed) == (None, False)
    assert has_queue(found)
    assert has_schedule(name)


def test_what_comes_late_gets_its_stack_again(
    deployed: Lake, two: Callable[[str], DatasetName], run: Run, remove: Remove
):
    name = two("later")
    remove("later/orders")
    run("apply")
    work = drop(deployed, name)
    stage(deployed, name, work)
    assert "deploy the stack again later/orders" in run("apply", "--plan").stdout
    assert document(run("apply", "--json"))["retired"][0]["changes"] == ["stack deployed"]
    assert has_schedule(name)
    assert not registration(deployed, name).is_closed
    load(deployed, name, work)
    assert document(run("apply", "--json"))["retired"][0]["changes"] == ["stack deleted"]


def test_the_plan_of_a_deployment_tells_what_would_be_retired_and_refuses_it_in_the_same_words(
    deployed: Lake,
    put: Put,
    run: Run,
    remove: Remove,
    checkout: Path,
    front: AwsServer,
    capsys: pytest.CaptureFixture[str],
):
    for dataset in ("one", "other", "third"):
        put("planned", dataset)
    run("apply")
    connected = Connected(deployed, "local", front.endpoint)
    remove("planned/one")
    backend = EmbeddedBackend(connected.env, replace_stateful=False)
    planned = plan_deployed(checkout, lambda: connected, backend, stands=True)
    say_plans([], command="`it`", datasets=planned)
    assert "retire planned/one" in capsys.readouterr().out
    assert [row["action"] for row in plans_json([], datasets=planned)["datasets"]] == ["retire", "none", "none"]
    refuse(planned)
    remove("planned/other")
    with pytest.raises(Refused) as told:
        refuse(plan_deployed(checkout, lambda: connected, backend, stands=True))
    with pytest.raises(Refused) as carried_out:
        apply_definitions(checkout, connected, backend)
    assert (told.value.message, told.value.hint) == (carried_out.value.message, carried_out.value.hint)


def test_the_plan_of_a_lake_that_does_not_stand_yet_finds_a_wrong_ruleset(put: Put, checkout: Path) -> None:
    def connect() -> Connected:
        raise AssertionError("there is nothing to connect to")

    put("planned", "right")
    assert plan_deployed(checkout, connect, EmbeddedBackend("local"), stands=False) == []
    put("planned", "wrong", **{'IsComplete "id"': 'IsComplet "id"'})
    with pytest.raises(BadDefinitions, match="IsComplet"):
        plan_deployed(checkout, connect, EmbeddedBackend("local"), stands=False)


def test_a_checkout_that_lacks_more_than_half_of_the_datasets_is_refused(
    deployed: Lake, two: Callable[[str], DatasetName], run: Run, remove: Remove, put: Put
):
    name = two("wrong")
    remove("wrong/orders")
    remove("wrong/stays")
    put("wrong", "fresh")
    planned = document(run("apply", "--plan", "--json"))
    assert planned["refused"]
    result = run("apply")
    assert isinstance(result.exception, Refused)
    assert "would retire 2 of the 2 datasets in use" in result.exception.message
    assert "--retire-all" in (result.exception.hint or "")
    assert registration(deployed, name).retired is None
    assert deployed.registry.get(DatasetName("wrong", "fresh")) is None
    assert len(document(run("apply", "--retire-all", "--json"))["retired"]) == 2


def test_a_named_dataset_is_applied_and_none_is_retired(
    deployed: Lake, two: Callable[[str], DatasetName], run: Run, remove: Remove
):
    name = two("named")
    remove("named/orders")
    assert document(run("apply", "named/stays", "--json"))["retired"] == []
    assert registration(deployed, name).retired is None


def test_a_plan_says_what_changes_and_changes_nothing(
    deployed: Lake, two: Callable[[str], DatasetName], run: Run, remove: Remove, put: Put
):
    name = two("planned")
    put("planned", "stays", **{"2 hours": "3 hours", "amount: bigint": "amount: bigint, note: string"})
    put("planned", "new")
    remove("planned/orders")
    planned = {each["dataset"]: each for each in document(run("apply", "--plan", "--json"))["datasets"]}
    assert [planned[f"planned/{each}"]["action"] for each in ("new", "orders", "stays")] == ["add", "retire", "change"]
    details = planned["planned/stays"]["details"]
    assert "stage_b.max_wait: 7200 seconds → 10800 seconds" in details
    assert "its table gets columns, or wider ones" in details
    assert registration(deployed, name).retired is None
    assert deployed.registry.get(DatasetName("planned", "new")) is None


def test_a_redrive_of_a_closed_dataset_says_what_to_do_first(
    deployed: Lake, two: Callable[[str], DatasetName], run: Run, remove: Remove
):
    name = two("failed")
    work = drop(deployed, name)
    deployed.catalog.move(work.object, Status.FAILED, str(name), reason="a bug")
    remove("failed/orders")
    assert document(run("apply", "--json"))["retired"][0]["is_closed"]
    with pytest.raises(Refused, match="failed/orders is retired") as refused:
        redrive_objects(deployed, [work.object.uri])
    assert "datasets apply failed/orders" in (refused.value.hint or "")


@pytest.mark.parametrize("kind", ["retire", "bring back"])
def test_an_apply_that_dies_at_any_call_is_finished_by_the_next(
    deployed: Lake, checkout: Path, put: Put, run: Run, front: AwsServer, kind: str
):
    """Crash points are enumerated over the calls that change something: it dies before the n-th."""
    team = f"dies_{kind[:1]}"
    put(team, "orders", "team: {team}\ndataset: {dataset}\nstage_a: {{format: csv, columns: {{id: string}}}}\n")
    run("apply")
    name = DatasetName(team, "orders")
    definitions, is_gone = read_all(checkout).or_raise(), kind == "retire"
    connected = Connected(deployed, "local", front.endpoint)
    with Rulesets() as rulesets:
        backend = EmbeddedBackend(connected.env, replace_stateful=False)

        def retire() -> object:
            return retirement.retire(
                [registration(deployed, name)],
                _parts(checkout, connected, backend, rulesets, by_name(definitions)),
            )

        def bring_back() -> object:
            return application.apply(
                definitions,
                _parts(checkout, connected, backend, rulesets, by_name(definitions)),
            )

        go, back = (retire, bring_back) if is_gone else (bring_back, retire)
        for n in itertools.count(1):
            back()
            died = _dies_at(n, go)
            go()
            found = registration(deployed, name)
            assert (bool(found.retired), found.is_closed) == (is_gone, is_gone), n
            assert has_queue(found) is has_schedule(name) is not is_gone, n
            if not died:
                break
    assert n > 5


CHANGING = ("Create", "Delete", "Put", "Update", "Set", "Tag")


def _dies_at(n: int, go: Callable[[], object]) -> bool:
    """Run `go` and let it die before the n-th call that changes something; False if it came to its end."""
    left, died = iter(range(n - 1, -10_000, -1)), False

    def crash(event_name: str, **_: object) -> None:
        if event_name.rpartition(".")[2].startswith(CHANGING) and next(left) == 0:
            raise Crash

    services = ("dynamodb", "sqs", "scheduler", "iam", "s3")
    for service in services:
        client(service).meta.events.register_first("before-send.*", crash, unique_id="crash")
    try:
        with suppress(Crash):
            go()
            return False
        died = True
    finally:
        for service in services:
            client(service).meta.events.unregister("before-send.*", unique_id="crash")
    return died
