"""A run of the upkeep job is killed after any of its steps: no row changes, and the turns after it do the work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from ulid import ULID

from pipeline.core.dynamo import encode
from pipeline.lake.batches.history import History
from pipeline.lake.batches.records import BatchRecords, BatchStatus, batch_item
from pipeline.lake.batches.upkeep import PREFIX, Turns, TurnStatus
from pipeline.lake.batches.upkeep_poller import UpkeepPoller
from pipeline.lake.catalog import Catalog
from pipeline.lake.datasets.model import Upkeep
from stages.stage_b.jobs.table_upkeep import Keeper
from stages.stage_b.jobs.upkeep import run
from tests.stages.rows.loading import Loader
from tests.stages.rows.test_rows_accounted import File, Row, make_dataset, stage
from tests.stages.rows.test_table_upkeep import LATER, files_under, load, rows

NAME = "team/set"
TABLES = {"upkeep-batches": ("dataset", "item"), "upkeep-objects": ("path", "version_id")}
SETTINGS = Upkeep(keep_at_least=2)
PROCEDURES = ["rewrite_data_files", "rewrite_position_delete_files", "rewrite_manifests", "expire_snapshots"]
STEPS = ["UpdateItem", "remove_branches", *PROCEDURES, "remove_orphans", "Query"]
"""In their order: what claims the turn, does the work, and gives rows their end."""
KILLED_AFTER = ["UpdateItem", "remove_branches", "rewrite_data_files", "expire_snapshots", "remove_orphans", "Query"]
"""A turn of Spark each: the two left out write a table's files and metadata as the rewrite before them does."""


class Killed(BaseException):
    """Nothing of the job's own goes on after it, as after SIGKILL."""


class Turnings:
    """Turns of one table's upkeep, with the lake's DynamoDB and Glue."""

    def __init__(self, lake: Loader) -> None:
        self.lake = lake
        self.table = lake.make_table(make_dataset("upsert"))
        self.dynamodb = lake._lake.client("dynamodb")
        for table, keys in TABLES.items():
            self.dynamodb.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        batches, objects = TABLES
        self.turns = Turns(self.dynamodb, batches)
        self.records = BatchRecords(self.dynamodb, batches)
        catalog = Catalog(self.dynamodb, objects)
        self.history = History(self.dynamodb, batches, catalog, self.records, timedelta(days=90), lambda: LATER)
        self.job = lake._lake.make_job("upkeep-killed", "pass")
        self.ended_run = lake._lake.run(self.job)["Id"]
        self.told: list[Any] = []
        self.upkeeper = UpkeepPoller(
            self.turns,
            lake._lake.glue,
            self.job,
            lambda: "{}",
            batches,
            lambda *told: self.told.append(told),
            lambda: str(ULID()),
        )

    def abandon(self, order: int) -> str:
        """A batch that failed, and whose branch nobody removed."""
        batch = self.lake.seal(make_dataset("upsert"), self.table, [stage(File(order, (Row(order, 1, "x", "9"),)))])
        self.lake.write(self.table, batch, "r1")
        row = {"dataset": NAME, "item": batch_item(batch), "status": BatchStatus.FAILED.value, "candidates": []}
        self.dynamodb.put_item(TableName="upkeep-batches", Item=encode({**row, "opened": "now", "ended": "now"}))
        return batch

    def run(self) -> str:
        """One turn, whose run Glue says has ended; returns its id."""
        turn = f"{PREFIX}{ULID()}"
        assert self.turns.open(NAME, turn), "the lock was left behind"
        arguments = {"dataset": NAME, "turn": turn, "table": self.table, "settings": SETTINGS.model_dump_json()}
        arguments["JOB_RUN_ID"] = self.ended_run
        run(arguments, self.turns, self.history, lambda: nullcontext(self.lake._spark.newSession()))
        return turn

    def poll(self) -> None:
        """What the poller does with a lock that a turn holds."""
        if turn := self.records.active(NAME):
            assert not self.upkeeper.watch(NAME, turn, self.table, SETTINGS.model_dump_json())


def killer(patch: pytest.MonkeyPatch, dynamodb: Any) -> Callable[[str], list[str]]:
    """`kill_after(step)` kills the job each time that it has done the step, and returns the steps that will be done."""
    state: dict[str, Any] = {"after": "", "done": []}

    def did(step: str) -> None:
        state["done"].append(step)
        if step == state["after"]:
            raise Killed(step)

    def kill_after(step: str) -> list[str]:
        state.update(after=step, done=[])
        return state["done"]  # type: ignore[no-any-return]

    def watch(name: str, naming: Callable[..., str]) -> None:
        original = getattr(Keeper, name)

        def watched(keeper: Keeper, *arguments: Any) -> Any:
            result = original(keeper, *arguments)
            did(naming(*arguments))
            return result

        patch.setattr(Keeper, name, watched)

    for name in ("remove_branches", "remove_orphans"):
        watch(name, lambda *_, name=name: name)
    watch("_call", lambda procedure, *_: str(procedure))
    dynamodb.meta.events.register("after-call.dynamodb", lambda model, **_: did(model.name))
    return kill_after


def test_a_run_that_is_killed_after_any_step_changes_no_row_and_holds_up_nothing(
    lake: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    turnings = Turnings(lake)
    for n in range(3):
        load(lake, turnings.table, "upsert", n + 1, Row(n, 0, "a", "1"), Row(100 + n, 100 + n, "b", "1"))
    turnings.abandon(9)
    lost = f"{turnings.table}/data/lost.parquet"
    lake._lake.s3.put_object(Bucket="values-curated", Key=lost, Body=b"of a job that died")
    before = rows(lake, turnings.table)
    kill_after = killer(monkeypatch, turnings.dynamodb)

    # Each goes on where the one before was killed.
    for step in KILLED_AFTER:
        done = kill_after(step)
        with pytest.raises(Killed, match=step):
            turnings.run()
        assert [each for each in dict.fromkeys(done) if each in STEPS] == STEPS[: STEPS.index(step) + 1]
        assert rows(lake, turnings.table) == before
        kill_after("")
        turnings.poll()
        assert turnings.records.active(NAME) is None
    last = turnings.run()

    found = lake.tables.load(turnings.table)
    assert rows(lake, turnings.table) == before
    assert set(found.metadata.refs) == {"main"}
    assert len(found.metadata.snapshots) == SETTINGS.keep_at_least
    assert found.inspect.data_files().num_rows == 1
    assert lost not in files_under(lake, turnings.table)
    ended = {turn.id: turn.status for turn in turnings.turns.newest(NAME, 20)}
    assert ended.pop(last) is TurnStatus.DONE
    assert set(ended.values()) == {TurnStatus.FAILED}
    assert len(turnings.told) == len(ended) == len(KILLED_AFTER)
    assert turnings.records.active(NAME) is None
