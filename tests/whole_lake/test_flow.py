from __future__ import annotations

import json

import pytest

from pipeline.core.clients import client
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status

from ..conftest import SHARED_DATA
from .conftest import Datasetup, RunningLake, csv_text, gzipped, pointed_at, values

ORDERS = {
    "stage_a": {"format": "csv", "columns": {"id": "string", "n": "int"}},
    "quality": {"ruleset": 'Rules = [ IsComplete "id", ColumnValues "n" >= 0 ]'},
}
PEOPLE = {
    "stage_a": {"format": "jsonl", "columns": {"id": "string"}},
    "table": {"write": "upsert", "key": ["id"]},
}


@pytest.fixture(scope="module")
def loaded(running_lake: RunningLake):
    """A dataset whose one batch has a file that is right, and one of whose rows one is not."""
    with pointed_at(running_lake):
        orders = running_lake.define(ORDERS)
        orders.drop("2026/a.csv", csv_text("id,n,extra", "01,1,x", "02,2,"))
        orders.drop("b.csv", csv_text("id,n", "1,1", "2,two", "3,3"))
        running_lake.settle()
    return orders


def test_a_file_becomes_rows_and_every_step_is_in_the_catalog(lake: RunningLake, loaded: Datasetup):
    assert values(loaded.rows("select * from {table} where id like '0%'"), "id", "n", "extra") == [
        ("01", 1, "x"),
        ("02", 2, None),
    ]
    row = loaded.row("2026/a.csv")
    assert [status for status, _ in row.history] == ["REGISTERED", "STAGED", "CLAIMED", "COMMITTED"]
    assert (row.rows_in, row.rows_out, row.rows_bad) == (2, 2, 0)
    batches = {each.id: each for each in loaded.batches()}
    assert batches.keys() == {loaded.row(file).batch for file in ("2026/a.csv", "b.csv")}
    batch = batches[row.batch]
    assert (batch.status, batch.verdict.outcome) == (BatchStatus.COMMITTED, "PASSED")
    assert [(r.rule, r.outcome) for r in batch.verdict.rules] == [
        ('IsComplete "id"', "Passed"),
        ('ColumnValues "n" >= 0', "Passed"),
    ]


def test_a_bad_row_is_quarantined_with_its_line_and_its_neighbours_arrive(lake: RunningLake, loaded: Datasetup):
    assert values(loaded.rows(), "id") == ["01", "02", "1", "3"]
    row = loaded.row("b.csv")
    assert (row.rows_in, row.rows_out, row.rows_bad) == (3, 2, 1)
    bucket, _, key = row.bad_rows_uri.removeprefix("s3://").partition("/")
    [bad] = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
    bad = json.loads(bad)
    assert bad["line"] == 3
    assert "n" in bad["reason"]
    assert bad["raw"] == "2,two"


def test_a_batch_that_breaks_its_rules_is_never_seen_and_can_be_released(lake: RunningLake):
    """And the released one is what the next is compared with."""
    remembering = 'ColumnValues "n" >= 0, RowCount = 2 * last() + 1, RowCountMatch "raw" > 0.7'
    orders = lake.define({**ORDERS, "quality": {"ruleset": f"Rules = [ {remembering} ]"}})
    orders.drop("a.csv", csv_text("id,n", "1,-1"))
    lake.settle()
    assert orders.rows() == []
    [batch] = orders.batches()
    assert (batch.status, batch.verdict.outcome) == (BatchStatus.QUARANTINED, "FAILED")
    assert orders.row("a.csv").status is Status.QUARANTINED
    assert 'ColumnValues "n" >= 0' in orders.row("a.csv").reason
    done = lake.sluice("release", batch.id, "--reason", "a refund", "--by", "ada", "--json")
    assert done.returncode == 0, done.stderr
    lake.settle()
    assert values(orders.rows(), "n") == [-1]
    newest = orders.batches()[0]
    assert (newest.verdict.outcome, newest.verdict.released_by, newest.verdict.reason) == (
        "RELEASED",
        "ada",
        "a refund",
    )
    orders.drop("b.csv", csv_text("id,n", "2,2", "3,3", "4,4", "5,five"))
    lake.settle()
    [compared, *_] = orders.batches()
    assert (compared.status, compared.verdict.outcome) == (BatchStatus.COMMITTED, "PASSED")
    assert compared.verdict.rules[1].reason == f"2 * last() + 1 = 3 over 1 earlier batch, {newest.id}"
    assert compared.verdict.metrics == {"RowCount": 3, 'RowCountMatch "raw"': 0.75}
    printed = lake.sluice("quality", str(orders.name), "--metric", "RowCount", "--json")
    [rows] = json.loads(printed.stdout)
    assert [point["value"] for point in rows["points"] if point["counts"]] == [1, 3]
    assert rows["rules"][0]["next"] == "RowCount = 7"


def test_a_second_batch_changes_rows_of_the_first_and_within_a_file_the_last_row_of_a_key_wins(lake: RunningLake):
    people = lake.define(PEOPLE)
    people.drop("1.jsonl", '{"id": "a", "v": 1}\n{"id": "b", "v": 1}\n')
    people.drop("many.jsonl", "".join(json.dumps({"id": "often", "v": n}) + "\n" for n in range(50)))
    lake.settle()
    assert values(people.rows(), "id", "v") == [("a", 1), ("b", 1), ("often", 49)]
    people.drop("2.jsonl", '{"id": "b", "v": 2}\n{"id": "c", "v": 2}\n')
    lake.settle()
    assert values(people.rows(), "id", "v") == [("a", 1), ("b", 2), ("c", 2), ("often", 49)]


def test_an_older_version_that_comes_late_does_not_overwrite_a_newer_one(lake: RunningLake):
    people = lake.define({**PEOPLE, "quality": {"ruleset": 'Rules = [ ColumnValues "v" < 100 ]'}})
    people.drop("1.jsonl", '{"id": "a", "v": 100}\n{"id": "b", "v": 1}\n')
    lake.settle()
    held = people.batches()[0]
    assert held.status is BatchStatus.QUARANTINED
    people.drop("2.jsonl", '{"id": "a", "v": 2}\n')
    lake.settle()
    assert lake.sluice("release", held.id, "--reason", "late", "--json").returncode == 0
    lake.settle()
    assert values(people.rows(), "id", "v") == [("a", 2), ("b", 1)]


def test_an_overwritten_table_holds_the_newest_object_or_of_each_of_its_partitions(lake: RunningLake):
    """Of a table with partitions an object replaces only those that it contains."""
    whole = lake.define({"stage_a": {"format": "csv"}, "table": {"write": "overwrite"}})
    columns = {"day": "string", "p": "int"}
    table = {"write": "overwrite", "partition_by": ["day"]}
    parted = lake.define({"stage_a": {"format": "csv", "columns": columns}, "table": table})
    whole.drop("1.csv", csv_text("id", "old"))
    whole.drop("2.csv", csv_text("id", "new", "newer"))
    parted.drop("1.csv", csv_text("day,p", "mon,1", "tue,1"))
    lake.settle()
    assert values(whole.rows(), "id") == ["new", "newer"]
    whole.drop("3.csv", csv_text("id", "newest"))
    parted.drop("2.csv", csv_text("day,p", "tue,2", "wed,2"))
    lake.settle()
    assert values(whole.rows(), "id") == ["newest"]
    statuses = {whole.row(name).status for name in ("1.csv", "2.csv")}
    assert statuses <= {Status.COMMITTED, Status.SUPERSEDED}
    assert values(parted.rows(), "day", "p") == [("mon", 1), ("tue", 2), ("wed", 2)]


def test_json_comes_as_an_array_as_lines_and_compressed(lake: RunningLake):
    things = lake.define({"stage_a": {"format": "json"}})
    forms = {"array.json": json.dumps, "lines.json": lines, "lines.json.gz": lambda found: gzipped(lines(found))}
    for file, form in forms.items():
        things.drop(
            file,
            form(
                [
                    {"id": file, "n": 1, "tags": ["x", "y"], "at": {"lat": 1.5}},
                    {"id": file, "n": 2, "tags": [], "at": None},
                ]
            ),
        )
    lake.settle()
    for file in forms:
        assert things.row(file).status is Status.COMMITTED
    rows = sorted(things.rows(), key=lambda row: (row["id"], row["n"]))
    assert [(r["id"], r["n"], r["tags"], r["at"]) for r in rows] == [
        each for file in sorted(forms) for each in ((file, 1, ["x", "y"], {"lat": 1.5}), (file, 2, [], None))
    ]


def lines(things) -> str:
    return "".join(json.dumps(thing) + "\n" for thing in things)


def test_the_real_legislators_are_in_their_tables_exactly_as_plain_python_reads_them(lake: RunningLake):
    folder = SHARED_DATA / "legislators"
    if not folder.is_dir():
        pytest.skip("the shared legislators data is not beside this checkout")
    import yaml

    from ..conftest import ROOT

    datasets = {}
    for name in ("memberships", "organizations"):
        definition = yaml.safe_load((ROOT / "definitions" / "datasets" / "legislators" / f"{name}.yaml").read_text())
        datasets[name] = lake.define({k: v for k, v in definition.items() if k not in ("team", "dataset")})
        datasets[name].drop(f"{name}.json", (folder / f"{name}.json").read_bytes())
    lake.settle()
    expected = json.loads((folder / "memberships.json").read_text())
    key = ("person_id", "organization_id", "legislative_period_id")
    newest = {tuple(m[k] for k in key): m for m in expected}
    assert canonical(datasets["memberships"].rows()) == canonical(newest.values())
    assert canonical(datasets["organizations"].rows()) == canonical(
        json.loads((folder / "organizations.json").read_text())
    )


def canonical(rows) -> list[str]:
    """Rows without what is null, nested columns included, as sorted text."""
    return sorted(json.dumps(without_nulls(row), sort_keys=True) for row in rows)


def without_nulls(value):
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return value
