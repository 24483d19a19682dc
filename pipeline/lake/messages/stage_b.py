"""The input of a Stage B execution, and what the state machine makes of it for each function that it calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict


@dataclass(frozen=True, slots=True)
class StageBInput:
    """A batch to load. `manifest` is an s3:// URI, `table` is `database.table`.

    `workers` and what follows are the dataset's wishes for the runs of its jobs; one that is None is the environment's
    to say, and is no field of the JSON. `job` runs the team's own transform instead of the standard one;
    `format` is what the table is made of, where that is not Iceberg.
    """

    batch: str
    dataset: str
    manifest: str
    table: str
    has_ruleset: bool
    workers: str | None = None
    worker_type: str | None = None
    execution_class: str | None = None
    queuing: bool | None = None
    job: str | None = None
    format: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The input of an execution of Stage B."""
        wishes = {
            "workers": self.workers,
            "worker_type": self.worker_type,
            "execution_class": self.execution_class,
            "queuing": self.queuing,
            "job": self.job,
            "format": self.format,
        }
        return {
            "batch": self.batch,
            "dataset": self.dataset,
            "manifest": self.manifest,
            "table": self.table,
            "has_ruleset": self.has_ruleset,
            **{name: value for name, value in wishes.items() if value is not None},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StageBInput:
        """Reads what `to_json` wrote."""
        return cls(
            batch=document["batch"],
            dataset=document["dataset"],
            manifest=document["manifest"],
            table=document["table"],
            has_ruleset=document["has_ruleset"],
            workers=document.get("workers"),
            worker_type=document.get("worker_type"),
            execution_class=document.get("execution_class"),
            queuing=document.get("queuing"),
            job=document.get("job"),
            format=document.get("format"),
        )


@dataclass(frozen=True, slots=True)
class EndingBatch:
    """What a function gets that commits or quarantines a batch: which it is, and its table.

    `crawled` says that the crawler has looked at what the first call of the commit left for it.
    """

    dataset: str
    batch: str
    table: str
    crawled: bool = False

    def to_json(self) -> dict[str, Any]:
        """The payload of the calls that end a batch."""
        crawled = {"crawled": True} if self.crawled else {}
        return {"dataset": self.dataset, "batch": self.batch, "table": self.table, **crawled}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> EndingBatch:
        """Reads what `to_json` or the state machine wrote."""
        return cls(document["dataset"], document["batch"], document["table"], document.get("crawled", False))


@dataclass(frozen=True, slots=True)
class FailedBatch:
    """What the function gets that fails a batch: which it is, and the error as the state machine caught it."""

    batch: EndingBatch
    error: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The payload of the call that fails a batch."""
        return {**self.batch.to_json(), "error": dict(self.error)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> FailedBatch:
        """Reads what `to_json` or the state machine wrote."""
        return cls(EndingBatch.from_json(document), document["error"])


@dataclass(frozen=True, slots=True)
class RunResult:
    """What the function gets that records what a run of a team's transform wrote: which batch and which run it is."""

    dataset: str
    batch: str
    table: str
    run: str

    def to_json(self) -> dict[str, Any]:
        """The payload of the call that records a run."""
        return {"dataset": self.dataset, "batch": self.batch, "table": self.table, "run": self.run}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RunResult:
        """Reads what `to_json` or the state machine wrote."""
        return cls(document["dataset"], document["batch"], document["table"], document["run"])


class RecordedRun(TypedDict):
    """How many rows the run wrote; all of it stands on the batch's row."""

    rows: int


class CommitAnswer(TypedDict):
    """What came of a commit, and how many seconds to wait before another transform."""

    outcome: str
    wait: int


class BatchAnswer(TypedDict):
    """The status of a batch."""

    status: str
