"""The shape of a dataset definition, validated. Nothing here reads files or calls AWS."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    field_validator,
    model_validator,
)

from pipeline.core.definitions.strict_model import StrictModel
from pipeline.core.errors import BadDefinition
from pipeline.core.events.schedule_expressions import parse as parse_schedule
from pipeline.lake.datasets.consent import SharedWith
from pipeline.lake.datasets.dataset_names import NAME_PATTERN, DatasetName
from pipeline.lake.datasets.raw_files import Column as Column
from pipeline.lake.datasets.raw_files import ColumnName
from pipeline.lake.datasets.raw_files import StageA as StageA
from pipeline.lake.datasets.system_columns import BATCH_COLUMN, ICEBERG_COLUMNS
from pipeline.lake.datasets.system_columns import ORDER_COLUMN as ORDER_COLUMN
from pipeline.lake.datasets.system_columns import ROW_COLUMN as ROW_COLUMN
from pipeline.lake.datasets.transform import Transform as Transform

DURATION_PATTERN = r"^(\d+) (second|minute|hour|day)s?$"
_DURATION = re.compile(DURATION_PATTERN)
_SCHEDULE = r"^(rate\((1 (minute|hour|day)|([2-9]|\d{2,}) (minutes|hours|days))\)|cron\(.+\))$"

LONGEST_WAIT = timedelta(days=7)
"""Half of what staged files are kept at least (the setting staging-days)."""

MOST_OBJECTS = 300
"""Of a batch, whose row names them all: a row has 400 KB (PROTOCOL, Poller 2)."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]


LONGEST = timedelta(days=366)
"""Of a duration: times are computed with it, which end with the year 9999."""


def _seconds(value: object) -> object:
    found = _DURATION.fullmatch(value) if isinstance(value, str) and len(value) < 40 else None
    if not found:
        raise ValueError(f"{repr(value)[:40]} is not a duration such as '30 minutes'")
    seconds = int(found[1]) * int(timedelta(**{f"{found[2]}s": 1}).total_seconds())
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{value!r} is longer than {LONGEST.days} days")
    return timedelta(seconds=seconds)


def _words(duration: timedelta) -> str:
    return f"{int(duration.total_seconds())} seconds"


Duration = Annotated[timedelta, BeforeValidator(_seconds), PlainSerializer(_words)]


class StartWhen(StrictModel):
    """What has to be there before a batch opens: so many objects, or a whole delivery.

    A delivery is complete by a file beside its data: a `marker`, whose folder then holds all of it, or a `manifest`,
    which names its members. Both are said by file name, without a folder.
    """

    objects: Annotated[int, Field(ge=1, le=MOST_OBJECTS)] | None = None
    marker: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = None
    manifest: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._*-]*[A-Za-z0-9][A-Za-z0-9._*-]*$")] | None = None
    """Where a `*` stands for any characters."""
    within: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_WAIT)] = timedelta(days=1)
    """How long a delivery may lack members before its team is told."""

    def control_of(self, key: str) -> str | None:
        """`marker` or `manifest` if the object of this key completes a delivery; None if it is data."""
        name = key.rpartition("/")[2]
        if self.marker is not None and name == self.marker:
            return "marker"
        return "manifest" if self.manifest is not None and fnmatchcase(name, self.manifest) else None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        said = [name for name in ("objects", "marker", "manifest") if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"say one of objects, marker and manifest, and not {' and '.join(said) or 'none'}")
        if self.objects is not None and self.within != type(self).model_fields["within"].default:
            raise ValueError("within is of a marker or a manifest; how long fewer objects wait is max_wait")
        return self


class Batching(StrictModel):
    """How many objects make a batch, and how long fewer of them wait; or which file completes a delivery."""

    min_objects: Annotated[int, Field(ge=1, le=MOST_OBJECTS)] = 1
    max_objects: Annotated[int, Field(ge=1, le=MOST_OBJECTS)] = 100
    max_wait: Duration = timedelta(minutes=30)
    start_when: StartWhen | None = None

    @property
    def opens_at(self) -> int:
        """How many waiting objects open a batch."""
        return (self.start_when and self.start_when.objects) or self.min_objects

    @property
    def by_delivery(self) -> StartWhen | None:
        """What completes a delivery, where each batch is one."""
        return self.start_when if self.start_when and self.start_when.objects is None else None

    @model_validator(mode="after")
    def _start_fits(self) -> Self:
        if self.start_when is None:
            return self
        fields = type(self).model_fields
        counts = ("min_objects",) if self.start_when.objects else ("min_objects", "max_objects", "max_wait")
        if other := [name for name in counts if getattr(self, name) != fields[name].default]:
            raise ValueError(f"{other[0]} means nothing beside this start_when; remove it")
        if self.opens_at > self.max_objects:
            raise ValueError(f"start_when.objects {self.opens_at} is greater than max_objects {self.max_objects}")
        return self

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.min_objects > self.max_objects:
            raise ValueError(f"min_objects {self.min_objects} is greater than max_objects {self.max_objects}")
        if self.max_wait > LONGEST_WAIT:
            raise ValueError(f"max_wait is longer than {LONGEST_WAIT.days} days, and staged files expire")
        return self


class StageB(Batching):
    """When and how waiting objects are loaded."""

    schedule: Annotated[str, StringConstraints(pattern=_SCHEDULE)] = "rate(5 minutes)"
    job: Literal["standard"] = "standard"
    freshness: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(days=1)
    """How long after it came in an object should be in the table; the team is told when it takes longer."""
    workers: Annotated[int, Field(ge=2, le=299)] | None = None
    """The most that a run of a job has; unsaid, as many as the environment's setting says."""
    worker_type: Literal["G.1X", "G.2X", "G.4X", "G.8X"] | None = None
    execution_class: Literal["STANDARD", "FLEX"] = "STANDARD"
    """FLEX costs less and begins when there is room."""

    @model_validator(mode="after")
    def _workers_fit_class(self) -> Self:
        # Glue Developer Guide, "Configuring job properties": flexible execution is for these types.
        if self.execution_class == "FLEX" and self.worker_type not in ("G.1X", "G.2X"):
            raise ValueError("execution_class: FLEX needs worker_type: G.1X or G.2X")
        return self

    @property
    def job_runs(self) -> dict[str, Any]:
        """What the state machine's input says of the jobs' runs, where the dataset says anything."""
        said = {"workers": str(self.workers) if self.workers else None, "worker_type": self.worker_type}
        # Glue documents queuing for the standard class; a flexible run waits by itself.
        flexible = {"execution_class": "FLEX", "queuing": False} if self.execution_class == "FLEX" else {}
        return {name: value for name, value in said.items() if value is not None} | flexible

    @field_validator("schedule")
    @classmethod
    def _scheduler_takes_it(cls, value: str) -> str:
        try:
            parse_schedule(value)
        except BadDefinition as error:
            raise ValueError(f"{error.message}; write rate(5 minutes) or cron(0 6 * * ? *)") from None
        return value


class Upkeep(StrictModel):
    """How the table is kept up: how long after a batch, or after how many batches, whichever comes first; how long its
    older snapshots can be read; and to what size small files are rewritten."""

    every: Annotated[Duration, Field(ge=timedelta(hours=1))] = timedelta(days=1)
    after_batches: Annotated[int, Field(ge=10, le=1000)] = 100
    """An upsert reads what each batch since the last upkeep left: so many of them make it slow."""
    keep_snapshots: Annotated[Duration, Field(ge=timedelta(days=1))] = timedelta(days=7)
    keep_at_least: Annotated[int, Field(ge=1, le=1000)] = 10
    """Snapshots that stay however old they are."""
    file_size_mb: Annotated[int, Field(ge=16, le=2048)] = 256


class Table(StrictModel):
    """The table that the dataset becomes."""

    format: Literal["iceberg", "parquet"] = "iceberg"
    """What the table is made of. Plain Parquet files can be added to and replaced, and not changed."""
    write: Literal["append", "replace", "upsert", "overwrite"] = "append"
    """What rows do to those that are there. With `replace` those of a new version of an object take the place of its
    earlier version's; with `append` they come beside them."""
    key: tuple[ColumnName, ...] = ()
    partition_by: tuple[ColumnName, ...] = ()
    evolution: Literal["automatic", "consent"] = "automatic"
    """Whether new columns and wider types come by themselves, or only if `datasets apply` is told to alter tables."""
    upkeep: Upkeep = Upkeep()
    crawler: bool = False
    """Whether a Glue crawler enters a batch's files in the catalog, instead of the commit itself."""

    @property
    def is_replaced_whole(self) -> bool:
        """Whether each object with rows takes the place of all that is there."""
        return self.write == "overwrite" and not self.partition_by

    @model_validator(mode="after")
    def _key_fits_write(self) -> Self:
        if self.write == "upsert" and not self.key:
            raise ValueError("write: upsert needs a key")
        if self.write != "upsert" and self.key:
            raise ValueError(f"key means nothing to write: {self.write}; remove it or use write: upsert")
        for names in (self.key, self.partition_by):
            if len(set(names)) != len(names):
                raise ValueError(f"a column is named twice in {list(names)}")
        return self

    @model_validator(mode="after")
    def _format_can_do_it(self) -> Self:
        if self.format == "iceberg":
            if self.crawler:
                raise ValueError("crawler is for format: parquet; an Iceberg table knows its files by itself")
            return self
        if self.write in ("upsert", "replace"):
            raise ValueError(
                f"write: {self.write} changes rows in place, which plain Parquet files cannot; "
                "use format: iceberg, or write: append or overwrite"
            )
        if self.write == "append" and self.partition_by:
            raise ValueError(
                "a batch that is appended to Parquet files is one partition, so that readers see all of it or "
                "nothing; leave partition_by out, or use format: iceberg"
            )
        if self.crawler and self.write != "append":
            raise ValueError("a crawler adds what it finds and replaces nothing; use write: append")
        if meaningless := sorted(self.upkeep.model_fields_set & {"keep_at_least", "file_size_mb"}):
            raise ValueError(f"upkeep.{meaningless[0]} means nothing to Parquet files; remove it")
        return self


class Quality(StrictModel):
    """What a batch must satisfy before anybody sees it. `ruleset` is DQDL."""

    ruleset: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    scope: Literal["batch", "table"] = "batch"
    on_failure: Literal["block", "warn"] = "block"


class Dataset(StrictModel):
    """A whole registration."""

    team: Name
    dataset: Name
    stage_a: StageA
    stage_b: StageB = StageB()
    table: Table = Table()
    quality: Quality | None = None
    transform: Transform | None = None
    shared_with: SharedWith = ()
    """Other teams whose transforms may read the table, or single datasets of theirs; the team's own always may."""

    @property
    def name(self) -> DatasetName:
        """Team and dataset."""
        return DatasetName(self.team, self.dataset)

    @property
    def contract(self) -> dict[str, Column]:
        """The declared columns of files, and those that key and partition_by name beside them, which are strings.

        Where a transform stands between, these two name columns that it gives.
        """
        implied = (n for n in self._placing if n not in self.stage_a.columns and self.transform is None)
        return {**self.stage_a.columns, **{name: Column(type="string") for name in implied}}

    @property
    def table_contract(self) -> dict[str, str]:
        """The columns that the table has from the start, with their types; files, or a transform, may bring more."""
        columns = {name: column.type for name, column in self.contract.items()}
        if self.transform is None:
            return columns
        implied = {name: columns.get(name, "string") for name in self._placing}
        return {**implied, **self.transform.columns}

    @property
    def _placing(self) -> tuple[str, ...]:
        return (*self.table.key, *self.table.partition_by)

    @model_validator(mode="after")
    def _new_columns_fit_evolution(self) -> Self:
        if self.table.evolution == "consent" and self.stage_a.on_new_column == "add":
            raise ValueError("evolution: consent needs stage_a.on_new_column: rescue or reject; add asks nobody")
        return self

    @model_validator(mode="after")
    def _columns_fit_table(self) -> Self:
        if ORDER_COLUMN in self.stage_a.columns:
            raise ValueError(f"{ORDER_COLUMN} is Sluice's own column")
        if taken := sorted(ICEBERG_COLUMNS & (self.contract.keys() | self.table_contract.keys())):
            raise ValueError(f"{taken[0]} is a column of Iceberg's own; name yours otherwise")
        if self.table.format == "parquet":
            self._fits_parquet()
        for name in self._placing:
            if "<" in (kind := self.table_contract[name]):
                raise ValueError(f"{name} is {kind}: a key or partition column cannot be nested")
        return self

    @model_validator(mode="after")
    def _transform_fits_table(self) -> Self:
        if self.transform and self.table.format == "parquet":
            raise ValueError("table.format: parquet takes rows as files have them; a transform needs iceberg")
        if self.transform is None or not (declared := self.transform.columns):
            return self
        if own := sorted(declared.keys() & {ORDER_COLUMN, ROW_COLUMN}):
            raise ValueError(f"transform.columns: {own[0]} is Sluice's own column, and is not declared")
        if lacking := [name for name in self._placing if name not in declared]:
            raise ValueError(f"transform.columns lacks {lacking[0]}, a key or partition column")
        return self

    def _fits_parquet(self) -> None:
        if BATCH_COLUMN in self.contract and self.table.write == "append":
            raise ValueError(f"{BATCH_COLUMN} is the partition that each batch is; name yours otherwise")
        if not self.contract:
            raise ValueError("a Parquet table needs columns: name those of stage_a that its catalog is to have")
        if set(self.table.partition_by) == self.contract.keys():
            raise ValueError("partition_by has every column: one at least is in the files")

    def to_json(self) -> str:
        """Canonical JSON: equal definitions give equal text."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Dataset:
        """The inverse of `to_json`."""
        return cls.from_stored(json.loads(text))

    @classmethod
    def from_stored(cls, value: dict[str, Any]) -> Dataset:
        """A definition as an earlier release stored it."""
        return cls.model_validate(value)

    @property
    def fingerprint(self) -> str:
        """12 hex digits that change when the definition does."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]
