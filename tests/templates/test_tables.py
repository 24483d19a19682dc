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
        and not each.logical_id.endswith("Boundary")
        # A table of Parquet files has no metadata beside Glue's.
        and each.logical_id not in ("RegisterFunctionRole", "CrawlerRole")
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
        if not any(allows(policy, action, f"{bucket}/weather/stations/metadata/{file}") for bucket in PLACES)
    }
    assert missing == set()


@pytest.mark.parametrize(
    "policy", [each for each in CHANGING if "Function" in each.logical_id], ids=lambda policy: policy.logical_id
)
def test_no_function_touches_rows_of_a_table(policy: Policy) -> None:
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        for bucket in PLACES:
            assert not allows(policy, action, f"{bucket}/weather/orders/data/00000-0-6a1c.parquet"), action
