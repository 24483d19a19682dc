"""Scratch tables: only those of trials that nobody removed go, whatever else is in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ulid import ULID

from pipeline.core.clients import client
from pipeline.lake.tables.scratch import remove_abandoned, scratch_table, trial_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def trial(age: timedelta) -> str:
    return str(ULID.from_datetime(NOW - age))


def test_a_trial_is_known_by_its_table_and_when_it_began():
    made = trial(timedelta(hours=5))
    table = scratch_table("db", made)
    assert table.startswith("db.sluice_try_")
    assert trial_of(table.partition(".")[2]) == made
    assert trial_of("sluice_try_orders") is None
    assert trial_of("orders") is None


def test_what_killed_trials_left_is_removed_after_a_day_and_nothing_else(catalog_tables: Any):
    glue, s3 = client("glue"), client("s3")
    glue.create_database(DatabaseInput={"Name": "db"})
    s3.create_bucket(Bucket="curated", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    old, young = trial(timedelta(days=2)), trial(timedelta(hours=2))
    dataset = scratch_table("db", trial(timedelta(days=3)))[3:]
    tables = {scratch_table("db", each)[3:]: f"_tries/{each}/t" for each in (old, young)}
    for name, folder in {
        **tables,
        "orders": "db/orders",
        "sluice_try_orders": "db/o",
        dataset: f"db/{dataset}",
    }.items():
        place = {"metadata_location": f"s3://curated/{folder}/metadata/0.json"}
        glue.create_table(DatabaseName="db", TableInput={"Name": name, "Parameters": place})
    keys = ["shop/orders/data/1", f"_tries/{old}/t/data/1", f"_tries/{young}/t/data/1"]
    for key in keys:
        s3.put_object(Bucket="curated", Key=key, Body=b"x")
    assert remove_abandoned(glue, s3, "db", NOW) == 1
    assert remove_abandoned(glue, s3, "db", NOW) == 0
    left = {each["Name"] for each in glue.get_tables(DatabaseName="db")["TableList"]}
    assert left == {"orders", "sluice_try_orders", dataset, scratch_table("db", young)[3:]}
    found = [each["Key"] for each in s3.list_objects_v2(Bucket="curated")["Contents"]]
    assert sorted(found) == sorted([keys[0], keys[2]])
