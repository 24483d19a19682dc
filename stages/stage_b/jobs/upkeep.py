"""Glue job: one turn of upkeep over a dataset's table. It begins only if it is the turn's run, and frees the lock."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.core.clients import client
from pipeline.core.telemetry.logs import log_as_job, log_context
from pipeline.lake.batches.history import History, is_over
from pipeline.lake.batches.records import BatchRecords
from pipeline.lake.batches.upkeep import Turns, TurnStatus
from pipeline.lake.catalog import Catalog
from pipeline.lake.catalog.rows import shorten
from pipeline.lake.datasets.model import Upkeep
from pipeline.lake.tables.homes import OutsideTable
from pipeline.lake.tables.names import split_table
from pipeline.lake.tables.parquet_names import ROOT
from pipeline.lake.tables.scratch import remove_abandoned
from stages.stage_b.jobs.batch_manifest import parts
from stages.stage_b.jobs.own_files import home_in
from stages.stage_b.jobs.parquet_upkeep import ParquetKeeper
from stages.stage_b.jobs.table_upkeep import Keeper

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Glue runs this file as __main__, which is no name to log by.
log = logging.getLogger("stages.stage_b.jobs.upkeep")

ARGUMENTS = ("dataset", "turn", "table", "settings", "batches_table", "objects_table", "history_days")


@contextmanager
def own_session() -> Iterator[SparkSession]:
    """A session of Spark that ends with its use."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def run(
    arguments: Mapping[str, str],
    turns: Turns,
    history: History,
    session: Callable[[], AbstractContextManager[SparkSession]] = own_session,
    parquet_keeper: Callable[[str, Upkeep, Callable[[str], bool]], ParquetKeeper | None] = lambda *_: None,
    trials: Callable[[], int] = lambda: 0,
    is_held: bool = False,
) -> dict[str, int]:
    """Do what the arguments say, and Glue's JOB_RUN_ID; the turn has ended when this returns or raises.

    `is_held` says that an Iceberg table is held to its dataset's folder. `trials` removes what killed trials of
    definitions left, and says how many they were.
    """
    dataset, turn = arguments["dataset"], arguments["turn"]
    turns.claim(dataset, turn, arguments["JOB_RUN_ID"])

    def has_ended(batch: str) -> bool:
        return is_over(history.records.get(dataset, batch), batch, history.clock())

    try:
        settings, table = Upkeep.model_validate_json(arguments["settings"]), arguments["table"]
        if (keeper := parquet_keeper(table, settings, has_ended)) is not None:
            did = keeper.keep_up(history.clock())
        else:
            with session() as spark:
                home = home_in(spark, dataset.partition("/")[0], table) if is_held else None
                did = Keeper(spark, table, settings, has_ended, home).keep_up(history.clock())
        did["histories"] = history.give_ends(dataset)
        did["trials"] = trials()
    except Exception as error:
        turns.end(dataset, turn, TurnStatus.FAILED, error=shorten(f"{type(error).__name__}: {error}"))
        raise
    turns.end(dataset, turn, TurnStatus.DONE, did=did)
    return did


def of_parquet(dataset: str, table: str, settings: Upkeep, has_ended: Callable[[str], bool]) -> ParquetKeeper | None:
    """Who keeps up a table of Parquet files; None for any other table. `OutsideTable` if it says that it lies elsewhere
    than in the folder of its dataset."""
    glue = client("glue")
    database, name = split_table(table)
    parameters = glue.get_table(DatabaseName=database, Name=name)["Table"].get("Parameters", {})
    if ROOT not in parameters:
        return None
    bucket, _ = parts(parameters[ROOT])
    if parameters[ROOT].rstrip("/") != f"s3://{bucket}/{dataset}":
        raise OutsideTable(f"{table} says that it lies in {parameters[ROOT]}, and not in {dataset}: nothing was done")
    return ParquetKeeper(glue, client("s3"), table, settings, has_ended)


def main() -> None:
    """The Glue job: one turn of upkeep."""
    from awsglue.utils import getResolvedOptions

    arguments = getResolvedOptions(sys.argv, list(ARGUMENTS))
    log_as_job("stage_b.upkeep")
    dynamodb, table = client("dynamodb"), arguments["batches_table"]
    with log_context(correlation_id=arguments["turn"], dataset=arguments["dataset"], run=arguments["JOB_RUN_ID"]):
        trials = partial(_trials, arguments)
        history = _history(arguments, dynamodb)
        keeper = partial(of_parquet, arguments["dataset"])
        did = run(arguments, Turns(dynamodb, table), history, parquet_keeper=keeper, trials=trials, is_held=True)
        log.info("table kept up", extra=did)


def _trials(arguments: Mapping[str, str]) -> int:
    database, _ = split_table(arguments["table"])
    try:
        return remove_abandoned(client("glue"), client("s3"), database, datetime.now(UTC))
    except ClientError:
        # The table is kept up, and the next turn tries again.
        log.exception("what trials left was not removed")
        return 0


def _history(arguments: Mapping[str, str], dynamodb: Any) -> History:
    table = arguments["batches_table"]
    return History(
        dynamodb,
        table,
        Catalog(dynamodb, arguments["objects_table"]),
        BatchRecords(dynamodb, table),
        keep=timedelta(days=int(arguments["history_days"])),
        clock=lambda: datetime.now(UTC),
    )


if __name__ == "__main__":
    main()
