"""Who commits to tables may do all that a commit of Iceberg does, and no function writes rows."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.templates.policies import Policy, policies, stored

PLACES = (f"arn:aws:s3:::{stored()['curated-bucket']}", "arn:aws:s3:::sluice-dev-curated-111122223333-eu-west-1")
# A commit writes and reads metadata, and from the twentieth on removes the oldest (tables.creation.PROPERTIES).
METADATA = {
    "00021-6a1c.metadata.json": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
    "snap-1-6a1c.avro": {"s3:GetObject", "s3:PutObject"},
}


def allows(policy: Policy, action: str, place: str) -> bool:
    def within(given: str | list[str], wanted: str) -> bool:
        return any(fnmatchcase(wanted, each) for each in ([given] if isinstance(given, str) else given))

    return any(
        each["Effect"] == "Allow" and within(each["Action"], action) and within(each["Resource"], place)
        for each in policy.statements
        if "Action" in each and "Resource" in each
    )


def changing_tables() -> list[Policy]:
    # A boundary gives nothing by itself.
    return [
        each
        for each in policies()
        if any("glue:UpdateTable" in statement["Action"] for statement in each.statements)
        and each.logical_id != "Boundary"
    ]


CHANGING = changing_tables()


def test_they_are_found() -> None:
    assert len({each.logical_id for each in CHANGING}) >= 8


@pytest.mark.parametrize("policy", CHANGING, ids=lambda policy: f"{policy.template}.{policy.logical_id}")
@pytest.mark.parametrize("file", METADATA)
def test_who_changes_a_table_may_keep_its_metadata(policy: Policy, file: str) -> None:
    missing = {
        action
        for action in METADATA[file]
        if not any(allows(policy, action, f"{bucket}/weather/orders/metadata/{file}") for bucket in PLACES)
    }
    assert missing == set()


@pytest.mark.parametrize(
    "policy", [each for each in CHANGING if "Function" in each.logical_id], ids=lambda policy: policy.logical_id
)
def test_no_function_touches_rows_of_a_table(policy: Policy) -> None:
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        for bucket in PLACES:
            assert not allows(policy, action, f"{bucket}/weather/orders/data/00000-0-6a1c.parquet"), action


ROWS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
ORDERS = "weather/orders"
WRITTEN = (
    f"curated-bucket/{ORDERS}/data/day=1/00000-0-6a1c.parquet",
    f"curated-bucket/{ORDERS}/metadata/snap-1-6a1c.avro",
    f"quarantine-bucket/{ORDERS}/_batches/01M7YW/jr_1/part-00000.txt",
    f"quarantine-bucket/{ORDERS}/_batches/01M7YW/jr_1/_temporary/0/task/part-00000.txt",
    # EMRFS, which s3:// is on Glue, marks each folder above what it writes.
    "quarantine-bucket/weather_$folder$",
    f"quarantine-bucket/{ORDERS}/_batches_$folder$",
)
READ = (f"staging-bucket/{ORDERS}/2026/11/29/6a1c-1.parquet", "staging-bucket/_manifests/weather/orders/01M7YW.json")
OF_OTHERS = (
    f"quarantine-bucket/{ORDERS}/2026/11/29/6a1c-1.jsonl",
    f"quarantine-bucket/_quality/{ORDERS}/01M7YW.json",
    "staging-bucket/_spark-events/quality/jr_1",
    "raw-bucket/weather/orders/a.csv",
    "curated-bucket/notes.txt",
)


def actions_on(place: str) -> set[str]:
    """What the job that writes batches may do with an object, of a bucket by its parameter."""
    [job] = [each for each in CHANGING if each.logical_id == "StandardJobRole"]
    bucket, _, key = place.partition("/")
    return {action for action in ROWS if allows(job, action, f"arn:aws:s3:::{stored()[bucket]}/{key}")}


def test_the_job_that_writes_batches_may_do_what_it_does() -> None:
    assert {place: actions_on(place) for place in WRITTEN} == {place: set(ROWS) for place in WRITTEN}
    assert {place: actions_on(place) for place in READ} == {place: {"s3:GetObject"} for place in READ}
    assert actions_on(f"staging-bucket/_gathered/{ORDERS}/01M7YW/jr_1/0.parquet") == {"s3:GetObject", "s3:PutObject"}


@pytest.mark.parametrize("place", OF_OTHERS)
def test_it_gets_at_nothing_that_other_parts_keep(place: str) -> None:
    assert actions_on(place) == set()
