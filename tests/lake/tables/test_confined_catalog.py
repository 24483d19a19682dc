"""Metadata that leads out of a table's folder, as a team could forge it, is refused by name and nothing is done."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import boto3
import pyarrow as pa
import pytest

from pipeline.lake.tables.confined_catalog import ConfinedCatalog
from pipeline.lake.tables.homes import Homes, OutsideTable, home_of, is_inside
from pipeline.lake.tables.iceberg import IcebergTables

MINE, THEIRS = "confined_shop.orders", "confined_hr.pay"
HOME = "s3://curated/shop/orders/"


class Forger:
    """A team that may write all of its own table's folder and its entry in Glue, and knows where others' files are."""

    def __init__(self, endpoint: str, catalog: Any) -> None:
        self.glue, self.s3 = (boto3.client(n, endpoint_url=endpoint, region_name="eu-west-1") for n in ("glue", "s3"))
        self.catalog = catalog
        for name, place in ((MINE, "shop/orders"), (THEIRS, "hr/pay")):
            catalog.create_namespace_if_not_exists(name.partition(".")[0])
            # By Glue itself: what a test before forged PyIceberg may not be able to load.
            with suppress(self.glue.exceptions.EntityNotFoundException):
                self.glue.delete_table(DatabaseName=name.partition(".")[0], Name=name.partition(".")[2])
            rows = pa.table({"who": [place]})
            catalog.create_table(name, rows.schema, location=f"s3://curated/{place}").append(rows)
        self.theirs = catalog.load_table(THEIRS)
        self.their_file = self.theirs.inspect.data_files()["file_path"].to_pylist()[0]
        confined = ConfinedCatalog(Homes("curated", "confined_"), **catalog.properties)
        self.tables = IcebergTables(confined, sleep=lambda _: None, homes=Homes("curated", "confined_"))

    def point_to(self, location: str) -> None:
        table = self.glue.get_table(DatabaseName="confined_shop", Name="orders")["Table"]
        parameters = {**table["Parameters"], "metadata_location": location}
        self.glue.update_table(
            DatabaseName="confined_shop", TableInput={"Name": "orders", "Parameters": parameters}, SkipArchive=True
        )

    def forge(self, **changes: Any) -> None:
        mine = self.catalog.load_table(MINE)
        key = mine.metadata_location.removeprefix("s3://curated/")
        document = json.loads(self.s3.get_object(Bucket="curated", Key=key)["Body"].read())
        forged = key.replace(".metadata.json", "-forged.metadata.json")
        self.s3.put_object(Bucket="curated", Key=forged, Body=json.dumps({**document, **changes}).encode())
        self.point_to(f"s3://curated/{forged}")


@pytest.fixture
def forger(endpoint: str, catalog: Any) -> Forger:
    return Forger(endpoint, catalog)


def test_a_table_in_its_folder_is_read_and_written(forger: Forger) -> None:
    found = forger.tables.load(MINE)
    found.append(pa.table({"who": ["again"]}))
    assert sorted(forger.tables.load(MINE).scan().to_arrow()["who"].to_pylist()) == ["again", "shop/orders"]


def test_a_data_file_of_another_table_is_neither_read_nor_committed(forger: Forger) -> None:
    mine = forger.catalog.load_table(MINE)
    base = mine.current_snapshot().snapshot_id
    mine.manage_snapshots().create_branch(base, "b_01B_r1").commit()
    mine.add_files([forger.their_file], branch="b_01B_r1")
    checked = forger.catalog.load_table(MINE).metadata.refs["b_01B_r1"].snapshot_id
    # As it would be, had nobody looked.
    assert "hr/pay" in forger.catalog.load_table(MINE).scan(snapshot_id=checked).to_arrow()["who"].to_pylist()
    before = forger.catalog.load_table(MINE).metadata_location
    with pytest.raises(OutsideTable, match=forger.their_file):
        forger.tables.commit(MINE, "01B", "b_01B_r1", base, checked, is_untrusted=True)
    with pytest.raises(OutsideTable, match=forger.their_file):
        forger.tables.load(MINE).scan(snapshot_id=checked).to_arrow()
    assert forger.catalog.load_table(MINE).metadata_location == before
    assert forger.catalog.load_table(THEIRS).scan().to_arrow().num_rows == 1


FORGED: dict[str, dict[str, Any]] = {
    "location": {"location": "s3://curated/hr/pay"},
    "above": {"location": "s3://curated/shop"},
    "beside": {"location": "s3://curated/shop/orders2"},
    "up and down": {"location": "s3://curated/shop/orders/../../hr/pay"},
    "bucket": {"location": "s3://elsewhere/shop/orders"},
    "earlier metadata": {"metadata-log": [{"timestamp-ms": 1, "metadata-file": "s3://curated/hr/pay/metadata/1.json"}]},
    "folder of data": {"properties": {"write.data.path": "s3://curated/hr/pay/data"}},
    "folder of metadata": {"properties": {"write.metadata.path": "s3://curated/hr/pay/metadata"}},
    "endpoint": {"properties": {"s3.endpoint": "https://elsewhere.example"}},
    "class": {"properties": {"py-io-impl": "os.path"}},
    "provider": {"properties": {"write.py-location-provider.impl": "os.path"}},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_metadata_that_names_what_is_not_the_tables_is_refused(forger: Forger, changes: dict[str, Any]) -> None:
    forger.forge(**changes)
    base = forger.theirs.current_snapshot().snapshot_id
    for attempt in (
        lambda: forger.tables.load(MINE),
        lambda: forger.tables.abandon(MINE, "01B"),
        lambda: forger.tables.mark_empty(MINE, "01B", base),
        lambda: forger.tables.looking.load_table(MINE),
    ):
        with pytest.raises(OutsideTable, match="nothing was done"):
            attempt()


def test_lists_of_manifests_of_another_table_are_refused(forger: Forger) -> None:
    forger.forge(snapshots=[json.loads(each.model_dump_json()) for each in forger.theirs.metadata.snapshots])
    with pytest.raises(OutsideTable, match="hr/pay/metadata/snap-"):
        forger.tables.load(MINE)


def test_metadata_of_another_table_is_not_read(forger: Forger) -> None:
    forger.point_to(forger.theirs.metadata_location)
    with pytest.raises(OutsideTable, match="hr/pay/metadata"):
        forger.tables.load(MINE)


def test_a_table_of_another_lake_has_no_folder_here() -> None:
    homes = Homes("curated", "sluice_dev_")
    assert homes.of("sluice_dev_shop.orders") == HOME
    assert homes.of("sluice_dev_dev_shop.orders") == "s3://curated/dev_shop/orders/"
    trial = "01kb3m8q5z5v6w7x8y9zabcdef"
    assert homes.of(f"sluice_dev_shop.sluice_try_{trial}") == f"s3://curated/_tries/{trial.upper()}/"
    for table in ("sluice_prod_shop.orders", "sluice_dev_.orders"):
        with pytest.raises(OutsideTable):
            homes.of(table)
    with pytest.raises(OutsideTable, match="no table of hr"):
        home_of("curated", "hr", "sluice_dev_shop.orders")


@pytest.mark.parametrize(
    ("location", "inside"),
    [
        ("s3://curated/shop/orders", True),
        ("s3a://curated/shop/orders/data/1.parquet", True),
        ("s3://curated/shop/orders/data/a..b/1.parquet", True),
        ("s3://curated/shop/orders2/data/1.parquet", False),
        ("s3://curated/shop/orders/../pay/1.parquet", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_what_lies_in_a_folder(location: str, inside: bool) -> None:
    assert is_inside(location, HOME) is inside
