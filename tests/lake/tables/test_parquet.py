"""Commit and abandon of tables of Parquet files, under every order of events, and with a death at every call."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.io import load_file_io
from ulid import ULID

from pipeline.core.errors import BadDefinition, Misconfigured, Transient
from pipeline.core.lake_key import own_key
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.model import Upkeep
from pipeline.lake.tables import parquet, parquet_creation
from pipeline.lake.tables import parquet_names as names
from pipeline.lake.tables.names import branch_name
from pipeline.lake.tables.outcomes import CommitOutcome
from pipeline.lake.tables.parquet import ParquetTables
from pipeline.lake.tables.parquet_creation import create_parquet_table, plan_parquet_table
from pipeline.operate.parquet_rows import ParquetRows
from stages.stage_b.jobs.parquet_upkeep import ParquetKeeper
from tests.examples import examples

BATCH, LATER = "01JBATCH", "01JLATER"
_numbers = itertools.count()


class Killed(Exception):
    """Stands for the end of a process in the middle of a call's way."""


class Deadly:
    """A client of which a call is made, or not, before its caller dies."""

    def __init__(self, client: Any, at: int, *, before: bool) -> None:
        self._client, self._left, self._before = client, at, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not name.startswith(("create_", "update_", "batch_", "delete_", "copy", "put_")):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._before:
                raise Killed(name)
            answer = found(*arguments, **named)
            if self._left == 0:
                raise Killed(name)
            return answer

        return call


class World:
    """An embedded AWS with tables of Parquet files."""

    def __init__(self, endpoint: str) -> None:
        key = own_key()
        self.session = boto3.Session(key.id, key.secret, region_name="eu-west-1")
        self.glue, self.s3 = (self.session.client(name, endpoint_url=endpoint) for name in ("glue", "s3"))
        place = {"s3.endpoint": endpoint, "s3.region": "eu-west-1", "s3.force-virtual-addressing": "false"}
        self.io = load_file_io({**place, "s3.access-key-id": key.id, "s3.secret-access-key": key.secret}, "s3://")

    def make(self, **table: Any) -> Made:
        columns = {"id": "bigint", "day": "string"}
        definition = {"team": "team", "dataset": "set", "stage_a": {"format": "json", "columns": columns}}
        dataset = Dataset.model_validate({**definition, "table": {"format": "parquet", **table}})
        name = f"lake.p{next(_numbers)}"
        create_parquet_table(dataset, name, f"s3://curated/{name}", self.glue)
        return Made(self, dataset, name)


class Made:
    """A table, and what runs of batches write beside it."""

    def __init__(self, world: World, dataset: Dataset, name: str) -> None:
        self.world, self.dataset, self.name = world, dataset, name
        self.tables = ParquetTables(world.glue, world.s3, sleep=lambda _: None)

    def found(self) -> dict[str, Any]:
        return self.tables.load(self.name)

    def base(self) -> int:
        return names.state_of(self.found())

    def write(self, batch: str, run: str, *rows: tuple[int, str | None]) -> str:
        """Write as a run's job does; returns the branch."""
        branch = branch_name(batch, run)
        _, _, key = names.rows_folder(names.root_of(self.found()), branch).removeprefix("s3://").partition("/")
        parted = bool(self.dataset.table.partition_by)
        for day, group in itertools.groupby(rows, key=lambda row: row[1] if parted else ""):
            listed = list(group)
            columns = {"id": [row[0] for row in listed]} | ({} if parted else {"day": [row[1] for row in listed]})
            columns |= {} if self.dataset.table.write == "append" else {"_sluice_order": ["o"] * len(listed)}
            buffer = io.BytesIO()
            pq.write_table(pa.table(columns, schema=_schema(columns)), buffer)
            place = f"day={day if day is not None else names.NULL}/" if parted else ""
            self.world.s3.put_object(Bucket="curated", Key=f"{key}{place}1.parquet", Body=buffer.getvalue())
        return branch

    def commit(self, batch: str, branch: str, base: int, tables: ParquetTables | None = None) -> CommitOutcome:
        return (tables or self.tables).commit(self.name, batch, branch, base, names.number_of(branch))

    def rows(self) -> list[tuple[int, str | None]]:
        home = f"s3://curated/{self.name}/"
        found = ParquetRows(self.found(), self.world.glue, self.world.s3, home, self.world.io).table().to_pylist()
        return sorted(((row["id"], row["day"]) for row in found), key=str)


def _schema(columns: dict[str, Any]) -> pa.Schema:
    return pa.schema({name: pa.int64() if name == "id" else pa.string() for name in columns})


@pytest.fixture
def world(endpoint: str, catalog: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for module in (parquet, parquet_creation):
        monkeypatch.setattr(module, "session", lambda: made.session)
    return made


WRITES: list[dict[str, Any]] = [{}, {"write": "overwrite"}, {"write": "overwrite", "partition_by": ["day"]}]
EVENTS = ("commit", "abandon", "empty", "stray")


@pytest.mark.parametrize("write", WRITES, ids=str)
@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=5))
def test_whatever_is_tried_first_stays_so(world: World, write: dict[str, Any], events: list[str]) -> None:
    table = world.make(**write)
    base = table.base()
    branch = table.write(BATCH, "jr_1", (1, "a"), (2, "b"))
    stray = table.write(BATCH, "jr_2", (1, "a"), (2, "b"))
    decided: str | None = None
    for event in events:
        match event:
            case "commit":
                outcome = table.commit(BATCH, branch, base)
            case "stray":
                # It was never checked: what its number says is another one's.
                outcome = table.tables.commit(table.name, BATCH, stray, base, names.number_of(branch))
                assert outcome == "REBASE"
                continue
            case "empty":
                outcome = table.tables.mark_empty(table.name, BATCH, base)
            case _:
                outcome = table.tables.abandon(table.name, BATCH)
        decided = decided or event
        expected = {"commit": "COMMITTED", "empty": "COMMITTED", "abandon": "ABANDONED"}[decided]
        if event == "abandon":
            assert outcome == expected
        else:
            assert (outcome == "COMMITTED") or expected == "ABANDONED" or event != decided
        assert table.rows() == ([(1, "a"), (2, "b")] if decided == "commit" else [])


@pytest.mark.parametrize("write", WRITES, ids=str)
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("then", ["commit", "abandon"])
def test_a_commit_that_dies_at_any_call_is_finished_or_never_seen(
    world: World, write: dict[str, Any], before: bool, then: str
) -> None:
    for at in itertools.count(1):
        table = world.make(**write)
        first = table.write(BATCH, "jr_0", (0, "a"), (9, "c"))
        assert table.commit(BATCH, first, table.base()) == "COMMITTED"
        base, branch = table.base(), table.write(LATER, "jr_1", (1, "a"), (2, "b"), (3, None))
        deadly = ParquetTables(Deadly(world.glue, at, before=before), world.s3, sleep=lambda _: None)
        try:
            table.commit(LATER, branch, base, deadly)
            died = False
        except Killed:
            died = True
        old = [(0, "a"), (9, "c")]
        new = {
            "append": [(0, "a"), (1, "a"), (2, "b"), (3, None), (9, "c")],
            "overwrite": [(1, "a"), (2, "b"), (3, None)],
        }[table.dataset.table.write]
        if table.dataset.table.partition_by:
            new = [(1, "a"), (2, "b"), (3, None), (9, "c")]
        if then == "commit":
            assert table.commit(LATER, branch, base) == "COMMITTED"
            assert table.rows() == new
        else:
            outcome = table.tables.abandon(table.name, LATER)
            assert table.rows() == (new if outcome == "COMMITTED" else old), (at, outcome)
            # However late the rest of it comes.
            assert table.commit(LATER, branch, base) == ("COMMITTED" if outcome == "COMMITTED" else "REBASE")
            assert table.rows() == (new if outcome == "COMMITTED" else old)
        if not died:
            # A partition of an appended table is made by awswrangler's own client.
            assert at > (0 if table.dataset.table.write == "append" else 1)
            return


def test_what_others_committed_meanwhile_makes_an_overwrite_begin_again(world: World) -> None:
    for write in WRITES[1:]:
        table = world.make(**write)
        base = table.base()
        mine, theirs = table.write(BATCH, "jr_1", (1, "a")), table.write(LATER, "jr_2", (2, "b"))
        assert table.commit(LATER, theirs, base) == "COMMITTED"
        assert table.commit(BATCH, mine, base) == "REBASE"
        assert table.rows() == [(2, "b")]


def test_a_change_in_between_is_a_try_more(world: World) -> None:
    table = world.make(write="overwrite")
    branch, base = table.write(BATCH, "jr_1", (1, "a")), table.base()
    update, others = world.glue.update_table, iter([True, False])

    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.glue, name)

        def update_table(self, **named: Any) -> Any:
            if next(others):
                found = table.found()
                update(DatabaseName="lake", TableInput=names.table_input(found))
            return update(**named)

    tables = ParquetTables(Busy(), world.s3, sleep=lambda _: None)
    assert table.commit(BATCH, branch, base, tables) == "COMMITTED"
    assert table.rows() == [(1, "a")]


def test_the_catalog_says_what_athena_and_awswrangler_say_of_parquet(world: World) -> None:
    """Athena User Guide, "Parquet SerDe"; Glue Developer Guide, "classification" of tables."""
    table = world.make()
    branch = table.write(BATCH, "jr_1", (1, "a"))
    assert table.commit(BATCH, branch, 0) == "COMMITTED"
    found, [partition] = (
        table.found(),
        world.glue.get_partitions(DatabaseName="lake", TableName=table.name[5:])["Partitions"],
    )
    hive = "org.apache.hadoop.hive.ql.io.parquet"
    for storage in (found["StorageDescriptor"], partition["StorageDescriptor"]):
        assert storage["InputFormat"] == f"{hive}.MapredParquetInputFormat"
        assert storage["OutputFormat"] == f"{hive}.MapredParquetOutputFormat"
        assert storage["SerdeInfo"]["SerializationLibrary"] == f"{hive}.serde.ParquetHiveSerDe"
        assert storage["SerdeInfo"]["Parameters"] == {"serialization.format": "1"}
        assert [(each["Name"], each["Type"]) for each in storage["Columns"]] == [("id", "bigint"), ("day", "string")]
    assert found["TableType"] == "EXTERNAL_TABLE"
    assert found["Parameters"]["classification"] == "parquet"
    assert [(key["Name"], key["Type"]) for key in found["PartitionKeys"]] == [("batch_id", "string")]
    assert partition["Values"] == [BATCH]


def test_no_table_and_one_of_another_kind_are_told(world: World) -> None:
    table = world.make()
    with pytest.raises(Misconfigured, match="there is no table"):
        table.tables.abandon("lake.none", BATCH)
    world.glue.create_table(DatabaseName="lake", TableInput={"Name": "foreign"})
    with pytest.raises(Misconfigured, match="no table of Parquet files"):
        table.tables.abandon("lake.foreign", BATCH)


@pytest.mark.parametrize(
    ("columns", "change", "message"),
    [
        ({"id": "string", "day": "string"}, {}, "id is bigint in the table and string in the definition"),
        ({"id": "decimal(20,0)", "day": "string"}, {}, "contradicts table"),
        ({"id": "bigint"}, {"write": "overwrite"}, "is partitioned by batch_id and the definition says nothing"),
        ({"id": "bigint"}, {"crawler": True}, "a crawler finds the files"),
    ],
)
def test_a_table_takes_new_columns_and_nothing_else(
    world: World, columns: dict[str, str], change: dict[str, Any], message: str
) -> None:
    table = world.make()
    again = {"team": "team", "dataset": "set", "table": {"format": "parquet", **change}}
    changed = Dataset.model_validate({**again, "stage_a": {"format": "json", "columns": columns}})
    with pytest.raises(BadDefinition, match=message):
        plan_parquet_table(changed, table.name, world.glue)
    wider = Dataset.model_validate(
        {
            **again,
            "table": {"format": "parquet"},
            "stage_a": {"format": "json", "columns": {"id": "bigint", "n": "int"}},
        }
    )
    assert plan_parquet_table(wider, table.name, world.glue) == "alter"
    create_parquet_table(wider, table.name, "s3://curated/other", world.glue)
    assert plan_parquet_table(wider, table.name, world.glue) == "none"
    assert [each["Name"] for each in table.found()["StorageDescriptor"]["Columns"]] == ["id", "day", "n"]
    assert names.root_of(table.found()) == f"s3://curated/{table.name}"


def test_columns_that_are_applied_take_nothing_from_a_commit_that_comes_between(world: World) -> None:
    table = world.make(write="overwrite")
    columns = {"id": "bigint", "day": "string", "n": "int"}
    wider = {"team": "team", "dataset": "set", "stage_a": {"format": "json", "columns": columns}}
    branch, base = table.write(BATCH, "jr_1", (1, "a")), table.base()

    class Slow:
        """Glue, to a caller whom a commit overtakes once it has read the table."""

        read = False

        def __getattr__(self, name: str) -> Any:
            return getattr(world.glue, name)

        def get_table(self, **given: Any) -> Any:
            answer = world.glue.get_table(**given)
            if not self.read:
                self.read = True
                assert table.commit(BATCH, branch, base) == "COMMITTED"
            return answer

    dataset = Dataset.model_validate({**wider, "table": {"format": "parquet", "write": "overwrite"}})
    create_parquet_table(dataset, table.name, f"s3://curated/{table.name}", Slow())
    assert table.rows() == [(1, "a")]
    assert "n" in [each["Name"] for each in table.found()["StorageDescriptor"]["Columns"]]


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_upkeep_removes_what_nobody_is_led_to_once_it_is_old(world: World, write: dict[str, Any]) -> None:
    table = world.make(**write)
    first = table.write(BATCH, "jr_1", (1, "a"))
    table.write(BATCH, "jr_0", (1, "a"))
    assert table.commit(BATCH, first, table.base()) == "COMMITTED"
    lost, going_on = table.write(LATER, "jr_2", (2, "b")), table.write("01JOPEN", "jr_3", (3, "c"))
    assert table.tables.abandon(table.name, LATER) == "ABANDONED"
    keeper = ParquetKeeper(world.glue, world.s3, table.name, Upkeep(), lambda batch: batch != "01JOPEN")
    now = datetime.now(UTC)
    assert keeper.keep_up(now + timedelta(days=6)) == {"partitions": 0, "orphans": 0}
    is_appended = table.dataset.table.write == "append"
    assert keeper.keep_up(now + timedelta(days=8)) == {"partitions": int(is_appended), "orphans": 2}
    assert table.rows() == [(1, "a")]
    listed = world.s3.list_objects_v2(Bucket="curated", Prefix=f"{table.name}/data/")["Contents"]
    assert {each["Key"].split("/")[2] for each in listed} == {first, going_on}
    assert lost not in {first, going_on}


def test_what_is_replaced_stays_for_its_readers_however_old_it_was(world: World) -> None:
    table = world.make(write="overwrite")
    first = table.write(BATCH, "jr_1", (1, "a"))
    assert table.commit(BATCH, first, table.base()) == "COMMITTED"
    replaced = table.found()["StorageDescriptor"]["Location"].removeprefix("s3://curated/")
    keeper = ParquetKeeper(world.glue, world.s3, table.name, Upkeep(), lambda batch: True)
    later = datetime.now(UTC) + timedelta(days=30)
    assert keeper.keep_up(later)["orphans"] == 0
    second = table.write(LATER, "jr_2", (2, "b"))
    assert table.commit(LATER, second, table.base()) == "COMMITTED"
    assert keeper.keep_up(later)["orphans"] == 0
    assert len(world.s3.list_objects_v2(Bucket="curated", Prefix=replaced)["Contents"]) == 2
    assert keeper.keep_up(later)["orphans"] == 1
    assert "Contents" not in world.s3.list_objects_v2(Bucket="curated", Prefix=replaced)
    assert table.rows() == [(2, "b")]


class TestCrawled:
    """Of a table that a crawler keeps, a commit puts files where it looks."""

    def crawler(self, table: Made) -> Callable[[], None]:
        targets = {"CatalogTargets": [{"DatabaseName": "lake", "Tables": [table.name[5:]]}]}
        table.world.glue.create_crawler(Name=table.name, Role="role", Targets=targets)

        def enter() -> None:
            from pipeline.emulator.glue.crawls import crawl

            crawl(table.world.glue, table.world.s3, "lake", table.name[5:], lambda: True)

        return enter

    def test_it_is_committed_once_the_crawler_has_entered_it(self, world: World) -> None:
        table = world.make(crawler=True)
        enter = self.crawler(table)
        branch = table.write(BATCH, "jr_1", (1, "a"), (2, "b"))
        enter()
        assert table.rows() == []
        for _ in range(2):
            assert table.commit(BATCH, branch, 0) == "CRAWL"
        assert table.rows() == []
        enter()
        assert table.commit(BATCH, branch, 0) == "COMMITTED"
        assert table.tables.abandon(table.name, BATCH) == "COMMITTED"
        assert table.rows() == [(1, "a"), (2, "b")]

    def test_an_abandoned_batch_is_never_entered_however_late_its_commit_goes_on(self, world: World) -> None:
        table = world.make(crawler=True)
        enter = self.crawler(table)
        id_now = str(ULID())[:-1]
        branch = table.write(f"{id_now}1", "jr_1", (1, "a"))
        assert table.commit(f"{id_now}1", branch, 0) == "CRAWL"
        assert table.tables.abandon(table.name, f"{id_now}1") == "ABANDONED"
        enter()
        assert table.rows() == []
        # Its commit was only slow, and copies now.
        assert table.commit(f"{id_now}1", branch, 0) == "CRAWL"
        other = table.write(f"{id_now}2", "jr_2", (2, "b"))
        assert table.commit(f"{id_now}2", other, 0) == "CRAWL"
        enter()
        assert table.rows() == [(2, "b")]

    def test_files_whose_partitions_glue_did_not_look_at_stay(self, world: World) -> None:
        table = world.make(crawler=True)
        enter = self.crawler(table)
        id_now = str(ULID())[:-1]
        branch = table.write(f"{id_now}1", "jr_1", (1, "a"))
        assert table.commit(f"{id_now}1", branch, 0) == "CRAWL"
        enter()

        class Busy:
            def __getattr__(self, name: str) -> Any:
                return getattr(world.glue, name)

            def batch_get_partition(self, **given: Any) -> Any:
                return {"Partitions": [], "UnprocessedKeys": given["PartitionsToGet"]}

        other = table.write(f"{id_now}2", "jr_2", (2, "b"))
        busy = ParquetTables(Busy(), world.s3, sleep=lambda _: None)
        assert busy.commit(table.name, f"{id_now}2", other, 0, names.number_of(other)) == "CRAWL"
        enter()
        assert table.rows() == [(1, "a"), (2, "b")]

    def test_nothing_is_withdrawn_while_the_crawler_looks(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        table = world.make(crawler=True)
        self.crawler(table)
        looking = {"Crawler": {"State": "RUNNING"}}

        class Running:
            def __getattr__(self, name: str) -> Any:
                return (lambda **_: looking) if name == "get_crawler" else getattr(world.glue, name)

        with pytest.raises(Transient, match="still running"):
            ParquetTables(Running(), world.s3, sleep=lambda _: None).abandon(table.name, BATCH)


def test_errors_of_glue_are_not_swallowed(world: World) -> None:
    table = world.make()

    class Denied:
        exceptions = world.glue.exceptions

        def get_table(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetTable")

    with pytest.raises(ClientError, match="AccessDenied"):
        ParquetTables(Denied(), world.s3).abandon(table.name, BATCH)
