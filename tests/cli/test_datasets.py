from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.core.clients import client
from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.errors import BadInput, Refused
from pipeline.core.events.s3 import ObjectCreated, parse
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from tests.cli.checkouts import Put, Run, checkout, deployed, document, no_datasets, put, run

for fixture in (checkout, deployed, no_datasets, put, run):
    assert fixture


def test_apply_makes_table_stack_and_registration(deployed: Lake, put: Put, run: Run):
    put("made", "orders_eu")
    (applied,) = document(run("apply", "--json"))["applied"]
    assert applied["changes"] == ["table created", "stack deployed", "registered"]
    registration = deployed.registry.get(DatasetName("made", "orders_eu"))
    assert registration is not None
    assert registration.table == applied["table"] == "sluice_local_made.orders_eu"
    assert registration.queue_url.endswith("/sluice-local-stage-b-made-orders_eu")
    assert registration.dead_letter_queue_url.endswith("/sluice-local-stage-b-dead-made-orders_eu")
    table = client("glue").get_table(DatabaseName="sluice_local_made", Name="orders_eu")["Table"]
    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == ["id", "amount"]
    assert table["StorageDescriptor"]["Location"] == "s3://lake-curated-bucket/made/orders_eu"


def test_the_schedule_carries_what_an_idle_poll_has_to_know(deployed: Lake, put: Put, run: Run):
    put("polled", "orders")
    document(run("apply", "--json"))
    names = [schedule["Name"] for schedule in client("scheduler").list_schedules()["Schedules"]]
    schedules = [client("scheduler").get_schedule(Name=name) for name in names]
    events = {schedule["Target"]["Input"]: schedule["ScheduleExpression"] for schedule in schedules}
    ((text, expression),) = [each for each in events.items() if '"polled/orders"' in each[0]]
    event = json.loads(text)
    assert expression == "rate(5 minutes)"
    assert event["queue_url"].endswith("/sluice-local-stage-b-polled-orders")
    assert event["stage_b"] == {"min_objects": 1, "max_objects": 100, "max_wait": "7200 seconds", "start_when": None}


def test_applying_again_changes_nothing_and_says_so(deployed: Lake, put: Put, run: Run):
    put("again", "orders")
    run("apply")
    (applied,) = document(run("apply", "--json"))["applied"]
    assert (applied["unchanged"], applied["changes"]) == (True, [])
    assert "again/orders: unchanged" in run("apply").stdout


def test_a_changed_definition_changes_what_it_has_to(deployed: Lake, put: Put, run: Run):
    put("changing", "orders")
    run("apply")
    put("changing", "orders", **{"amount: bigint": "amount: bigint, note: string", "2 hours": "3 hours"})
    (applied,) = document(run("apply", "--json"))["applied"]
    assert applied["changes"] == ["columns added or widened", "stack deployed", "registration changed"]
    put(
        "changing", "orders", **{"amount: bigint": "amount: bigint, note: string", "2 hours": "3 hours", 'id"': 'note"'}
    )
    (applied,) = document(run("apply", "--json"))["applied"]
    assert applied["changes"] == ["registration changed"]


def test_what_waited_is_sent_on_once_its_dataset_is_applied(deployed: Lake, put: Put, run: Run):
    name, queue = DatasetName("late", "orders"), deployed.settings[Setting.RAW_QUEUE_URL]
    objects = [ObjectVersion("raw", f"late/orders/{n}.csv", "v1") for n in range(205)]
    for n, obj in enumerate([*objects, ObjectVersion("raw", "late/other/1.csv", "v1")]):
        deployed.catalog.leave_unrouted(ObjectCreated(obj, 5, "", n, None), "not registered")
    put("late", "orders")
    (applied,) = document(run("apply", "--json"))["applied"]
    assert applied["sent_again"] == 205
    events = []
    while messages := client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        events += [event for message in messages for event in parse(message["Body"])]
        for message in messages:
            client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(event.object.key for event in events) == sorted(obj.key for obj in objects)
    for event in events:
        assert deployed.catalog.send_again(event, name)
    assert {row.status for row in deployed.catalog.get_many(objects)} == {Status.REGISTERED}
    (applied,) = document(run("apply", "--json"))["applied"]
    assert applied["unchanged"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("csv", "cvs", ":4: stage_a.format: 'cvs' is none of"),
        ("IsComplete", "IsCompleet", ":11: quality.ruleset: IsCompleet"),
    ],
)
def test_one_bad_definition_stops_all_before_anything_is_changed(
    deployed: Lake, put: Put, run: Run, old: str, new: str, expected: str
):
    put("stopped", "a_good_one")
    put("stopped", "wrong", **{old: new})
    result = run("apply")
    assert isinstance(result.exception, BadDefinitions)
    assert f"stopped/wrong.yaml{expected}" in result.exception.message
    assert deployed.registry.get(DatasetName("stopped", "a_good_one")) is None
    databases = client("glue").get_databases()["DatabaseList"]
    assert "sluice_local_stopped" not in {database["Name"] for database in databases}


def test_a_change_that_a_table_cannot_take_stops_before_anything_is_changed(deployed: Lake, put: Put, run: Run):
    put("fixed", "orders")
    run("apply")
    put("fixed", "a_new_one")
    put("fixed", "orders", **{"amount: bigint": "amount: string"})
    result = run("apply")
    assert isinstance(result.exception, BadDefinitions)
    assert "amount is bigint in the table and string in the definition" in result.exception.message
    assert deployed.registry.get(DatasetName("fixed", "a_new_one")) is None


def test_columns_are_neither_dropped_nor_renamed_and_change_by_consent_where_the_definition_says_so(
    deployed: Lake, put: Put, run: Run
):
    put("evolving", "orders")
    run("apply")
    for column, says in (
        ("", "`amount` and say `optional: true`"),
        (", total: bigint", "`amount` and say `from: total`"),
    ):
        put("evolving", "orders", **{", amount: bigint": column})
        result = run("apply")
        assert isinstance(result.exception, BadDefinitions)
        assert f"keep {says}" in result.exception.message
    asks = {"csv": "csv\n  on_new_column: rescue", "amount: bigint": "amount: bigint, note: string"}
    put("evolving", "orders", **asks, quality="table: {evolution: consent}\nquality")
    result = run("apply")
    assert isinstance(result.exception, Refused)
    assert "the table of evolving/orders would be added or widened" in result.exception.message
    assert result.exception.hint
    assert "note" not in deployed.registry.get(DatasetName("evolving", "orders")).dataset.contract
    (applied,) = document(run("apply", "--json", "--alter-tables"))["applied"]
    assert applied["changes"][0] == "columns added or widened"
    assert run("apply").exit_code == 0, "what has happened needs no consent"


def test_names_that_differ_in_their_underscores_only_have_stacks_of_their_own(deployed: Lake, put: Put, run: Run):
    put("twin_a", "b")
    put("twin", "a_b")
    assert len(document(run("apply", "--json"))["applied"]) == 2
    urls = {deployed.registry.get(DatasetName(*name)).queue_url for name in (("twin_a", "b"), ("twin", "a_b"))}  # type: ignore[union-attr]
    assert len(urls) == 2


def test_only_what_is_named_is_applied(deployed: Lake, put: Put, run: Run):
    put("some", "one")
    put("some", "other")
    applied = document(run("apply", "some/one", "--json"))["applied"]
    assert [each["dataset"] for each in applied] == ["some/one"]
    result = run("apply", "some/third")
    assert isinstance(result.exception, Refused)
    assert result.exception.hint == "Defined are: some/one, some/other."


def test_list_shows_how_registrations_differ_from_the_files(deployed: Lake, put: Put, run: Run, checkout: Path):
    for dataset in ("same", "differs", "wrong", "gone"):
        put("listed", dataset)
    run("apply")
    put("listed", "differs", **{"2 hours": "4 hours"})
    put("listed", "wrong", csv="cvs")
    put("listed", "fresh")
    (checkout / "definitions" / "datasets" / "listed" / "gone.yaml").unlink()
    found = document(run("list", "--json"))
    files = {row["dataset"]: row["files"] for row in found["datasets"] if row["dataset"].startswith("listed/")}
    assert files == {
        "listed/differs": "differs: apply it",
        "listed/fresh": "not applied yet",
        "listed/gone": "registered without a file: applying retires it",
        "listed/same": "applied",
        "listed/wrong": "the file is wrong",
    }
    assert [problem["line"] for problem in found["problems"]] == [4]
    text = run("list").stdout
    assert "definitions/datasets/listed/wrong.yaml:4: stage_a.format" in text


def test_validate_needs_no_lake_and_names_every_problem(put: Put, checkout: Path):
    put("shop", "orders")
    put("shop", "wrong", csv="cvs", **{'IsComplete "id"': 'IsUniqu "id"'})
    put("shop", "ruleset", **{'IsComplete "id"': 'IsUniqu "id"'})
    put("shop", "remark", **{'IsComplete "id"': 'IsComplete "idd"'})
    result = CliRunner().invoke(app, ["datasets", "validate", "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["valid"] == ["shop/orders", "shop/remark"] or found["valid"] == ["shop/remark", "shop/orders"]
    assert [(p["path"].rpartition("/")[2], p["line"], p["field"]) for p in found["problems"]] == [
        ("ruleset.yaml", 11, "quality.ruleset"),
        ("wrong.yaml", 4, "stage_a.format"),
    ]
    assert [(p["path"].rpartition("/")[2], p["line"]) for p in found["warnings"]] == [("remark.yaml", 11)]


def test_validate_says_that_all_is_well(put: Put):
    put("shop", "orders")
    result = CliRunner().invoke(app, ["datasets", "validate"])
    assert (result.exit_code, result.stdout) == (0, "1 definition: all valid\n")


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_validate_compares_with_a_revision(put: Put, checkout: Path):
    put("shop", "sales", bigint="int")
    put("shop", "gone")
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "add", "definitions/datasets")
    git(checkout, "commit", "-q", "-m", "first")
    put("shop", "sales")
    put("shop", "new")
    result = CliRunner().invoke(app, ["datasets", "validate", "--against", "main"])
    assert result.exit_code == 0, result.output
    assert "compatible with main" in result.output
    put("shop", "sales", bigint="string")
    (checkout / "definitions/datasets/shop/gone.yaml").unlink()
    result = CliRunner().invoke(app, ["datasets", "validate", "--against", "main", "--json"])
    assert result.exit_code == 1
    assert {
        name: [each["field"] for each in found] for name, found in json.loads(result.output)["breaking"].items()
    } == {
        "shop/gone": ["definitions/datasets/shop/gone.yaml"],
        "shop/sales": ["stage_a.columns.amount"],
    }


def test_a_revision_without_a_name_is_refused(put: Put, checkout: Path):
    put("shop", "sales")
    git(checkout, "init", "-q")
    result = CliRunner().invoke(app, ["datasets", "validate", "--against", ""])
    assert isinstance(result.exception, BadInput), result.output


def test_init_prints_a_proposal_that_validates_once_written(checkout: Path, tmp_path: Path):
    sample = tmp_path / "orders.csv"
    sample.write_text("order_id;Net amount;note\nA1;1.50;\nA2;2.00;\n")
    printed = CliRunner().invoke(app, ["datasets", "init", str(sample), "--to", "shop/orders"]).stdout
    path = checkout / "definitions" / "datasets" / "shop" / "orders.yaml"
    assert not path.exists()
    result = CliRunner().invoke(app, ["datasets", "init", str(sample), "--to", "shop/orders", "--write"])
    assert path.read_text() == printed
    assert "wrote definitions/datasets/shop/orders.yaml" in result.stdout
    assert "sluice datasets apply shop/orders" in result.stdout
    for told in (
        "csv, cut by semicolons, all 2 rows",
        "order_id stands once, but 2 rows show little; rows are appended",
        "decimal(18,2)",
        "the first as they would be read",
    ):
        assert told in result.stdout
    assert "always empty in the sample" in result.stdout
    assert CliRunner().invoke(app, ["datasets", "validate"]).exit_code == 0


def test_init_replaces_a_definition_only_when_forced(checkout: Path, tmp_path: Path, put: Put):
    put("shop", "orders")
    sample = tmp_path / "orders.jsonl"
    sample.write_text('{"id": "a"}\n{"id": "b"}\n')
    arguments = ["datasets", "init", str(sample), "--to", "shop/orders", "--write"]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, Refused)
    found = json.loads(CliRunner().invoke(app, [*arguments, "--force", "--json"]).stdout)
    assert found["definition"]["stage_a"]["format"] == "jsonl"
    assert found["inferred"]["columns"] == [{"name": "id", "type": "string", "doubt": "", "written": ""}]
    assert (checkout / found["path"]).read_text() == found["text"]


def test_a_reserved_team_is_refused_by_init_and_told_by_validate(checkout: Path, tmp_path: Path, put: Put):
    (tmp_path / "a.csv").write_text("id\n1\n")
    result = CliRunner().invoke(app, ["datasets", "init", str(tmp_path / "a.csv"), "--to", "quarantine/a"])
    assert isinstance(result.exception, BadInput)
    assert "no new team can be called 'quarantine'" in result.exception.message
    put("quarantine", "a")
    told = CliRunner().invoke(app, ["datasets", "validate"])
    assert told.exit_code == 0
    assert "team: no new team can be called 'quarantine'" in " ".join(told.stdout.split())


def test_init_refuses_a_name_that_is_none(checkout: Path, tmp_path: Path):
    sample = tmp_path / "s.csv"
    sample.write_text("a\n1\n")
    result = CliRunner().invoke(app, ["datasets", "init", str(sample), "--to", "Shop"])
    assert result.exit_code == 2
    assert "team/dataset" in result.stderr
