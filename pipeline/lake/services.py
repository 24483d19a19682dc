"""Assembles the services of a handler: one `Lake` a process, each part made when first used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from pipeline.core.clients import client
from pipeline.core.clock import Clock, system_clock
from pipeline.core.errors import Inconsistent
from pipeline.core.events.s3 import SendAgain
from pipeline.core.executions import Executions
from pipeline.core.handler import entry_point
from pipeline.core.queues import send_all
from pipeline.core.settings import Settings
from pipeline.lake.catalog import Catalog
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registry
from pipeline.lake.settings import Setting
from pipeline.lake.teams import tell_team

# Who only stages files, or routes, should not wait for what opens and ends batches, and for rules on them.
if TYPE_CHECKING:
    from pipeline.lake.batches.completion import BatchFinisher
    from pipeline.lake.batches.pauses import PauseRecords
    from pipeline.lake.batches.poller import Poller
    from pipeline.lake.batches.records import BatchRecords
    from pipeline.lake.batches.results import ResultRecorder
    from pipeline.lake.batches.upkeep import Turns
    from pipeline.lake.batches.upkeep_poller import UpkeepPoller
    from pipeline.lake.batches.work import Work
    from pipeline.lake.manifested.deliveries import Deliveries
    from pipeline.lake.tables.homes import Homes
    from pipeline.lake.tables.iceberg import IcebergTables


class Lake:
    """The services of one lake."""

    def __init__(self, settings: Settings, clock: Clock = system_clock) -> None:
        self.settings = settings
        self.clock = clock

    @cached_property
    def catalog(self) -> Catalog:
        """The object catalog."""
        return Catalog(client("dynamodb"), self.settings[Setting.OBJECTS_TABLE], self.clock)

    @cached_property
    def registry(self) -> Registry:
        """The registered datasets."""
        return Registry(client("dynamodb"), self.settings[Setting.DATASETS_TABLE])

    @cached_property
    def batches(self) -> BatchRecords:
        """The rows of batches."""
        from pipeline.lake.batches.records import BatchRecords

        return BatchRecords(client("dynamodb"), self.settings[Setting.BATCHES_TABLE], self.clock)

    @cached_property
    def executions(self) -> Executions:
        """Starts executions and describes them."""
        return Executions(client("stepfunctions"))

    @cached_property
    def poller(self) -> Poller:
        """Opens batches and starts Stage B."""
        from pipeline.lake.batches.poller import Poller
        from pipeline.lake.batches.seal import Sealer
        from pipeline.lake.batches.staged_queue import StagedQueue

        return Poller(
            catalog=self.catalog,
            records=self.batches,
            queue=StagedQueue(client("sqs"), self.catalog),
            sealer=Sealer(
                catalog=self.catalog,
                records=self.batches,
                dynamodb=client("dynamodb"),
                s3=client("s3"),
                batches_table=self.settings[Setting.BATCHES_TABLE],
                staging_bucket=self.settings[Setting.STAGING_BUCKET],
                clock=self.clock,
            ),
            finisher=self.finisher,
            upkeeper=self.upkeeper,
            deliveries=self.deliveries,
            executions=self.executions,
            machine=self.settings[Setting.STAGE_B_MACHINE],
            load=self.load_work,
            new_id=_new_batch_id,
            clock=self.clock,
        )

    @cached_property
    def deliveries(self) -> Deliveries:
        """Looks at deliveries that wait for a marker or a manifest, or for their members."""
        from pipeline.lake.manifested.deliveries import Deliveries

        return Deliveries(
            catalog=self.catalog,
            records=self.batches,
            dynamodb=client("dynamodb"),
            s3=client("s3"),
            tell_team=self.tell_team,
            send_again=self.send_again,
            clock=self.clock,
        )

    @cached_property
    def turns(self) -> Turns:
        """The rows of turns of upkeep."""
        from pipeline.lake.batches.upkeep import Turns

        return Turns(client("dynamodb"), self.settings[Setting.BATCHES_TABLE], self.clock)

    @cached_property
    def pauses(self) -> PauseRecords:
        """Who paused schedules and upkeep, and why."""
        from pipeline.lake.batches.pauses import PauseRecords

        return PauseRecords(client("dynamodb"), self.settings[Setting.BATCHES_TABLE], self.clock)

    @cached_property
    def upkeeper(self) -> UpkeepPoller:
        """Opens and ends turns of upkeep."""
        from pipeline.lake.batches.upkeep_poller import UpkeepPoller

        return UpkeepPoller(
            turns=self.turns,
            glue=client("glue"),
            job=self.settings[Setting.UPKEEP_JOB],
            policy=lambda: self.settings[Setting.UPKEEP_POLICY],
            batches_table=self.settings[Setting.BATCHES_TABLE],
            tell_team=self.tell_team,
            new_id=_new_batch_id,
        )

    @cached_property
    def homes(self) -> Homes:
        """Where the lake's tables lie."""
        from pipeline.lake.tables.homes import Homes

        return Homes(self.settings[Setting.CURATED_BUCKET], self.settings[Setting.DATABASE_PREFIX])

    @cached_property
    def tables(self) -> IcebergTables:
        """The lake's Iceberg tables."""
        from pipeline.lake.tables.iceberg import IcebergTables

        return IcebergTables(homes=self.homes)

    @cached_property
    def results(self) -> ResultRecorder:
        """Records what runs of teams' transforms wrote."""
        from pipeline.lake.batches.results import ResultRecorder

        return ResultRecorder(
            records=self.batches,
            branches=self.tables,
            s3=client("s3"),
            staging_bucket=self.settings[Setting.STAGING_BUCKET],
        )

    @cached_property
    def finisher(self) -> BatchFinisher:
        """Commits, quarantines and fails batches."""
        from pipeline.lake.batches.completion import BatchFinisher
        from pipeline.lake.tables.parquet import ParquetTables

        return BatchFinisher(
            catalog=self.catalog,
            records=self.batches,
            tables=self.tables,
            parquet=ParquetTables,
            dynamodb=client("dynamodb"),
            announce=self.announce,
            tell_team=self.tell_team,
            send_again=self.send_again,
        )

    def load_work(self, dataset: str) -> Work:
        """A dataset's registration, as the poller needs it."""
        from pipeline.lake.batches.work import Work

        registration = self.registry.get(DatasetName.parse(dataset))
        if registration is None:
            raise Inconsistent(f"dataset {dataset} has objects that wait, and is not registered")
        return Work.of(registration)

    def announce(self, message: dict[str, Any]) -> None:
        """Tell whoever listens that a dataset has changed; at least once."""
        topic = self.settings[Setting.UPDATES_TOPIC]
        client("sns").publish(TopicArn=topic, Message=json.dumps(message, sort_keys=True))

    def tell_team(self, event: str, dataset: str, facts: Mapping[str, Any]) -> None:
        """Tell the team of a dataset what it should look at; at least once."""
        tell_team(self.settings[Setting.TEAM_TOPICS], event, dataset, facts)

    def send_again(self, objects: Sequence[SendAgain]) -> None:
        """Send object versions through Stage A again, by way of the raw queue."""
        send_all(client("sqs"), self.settings[Setting.RAW_QUEUE_URL], [o.to_json() for o in objects])


def _new_batch_id() -> str:
    from ulid import ULID

    return str(ULID())


@cache
def lake() -> Lake:
    """The lake that this process's environment names."""
    return Lake(Settings.from_environment())


def handler(function: Callable[[dict[str, Any], Lake], Any]) -> Callable[[dict[str, Any], object], Any]:
    """Make a Lambda entry point of `function(event, lake)`."""
    return entry_point(function, lambda: lake())
