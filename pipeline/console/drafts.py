"""The drafts of definitions that this console's people write, and trials of them: each trial is a thread."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ulid import ULID

from pipeline.console import background
from pipeline.core.errors import Refused
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.definition_drafts import Draft
from pipeline.operate.trial_reports import Trial
from pipeline.operate.trials import Trials, chosen_objects

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOST_DRAFTS = 100
MOST_STEPS = 50
MOST_TRIALS = 3
"""Trials that run at once."""
OBJECTS = 10
"""Raw objects that a draft is tried on, the newest."""


@dataclass(eq=False)
class Tried:
    """A trial of a text: what it says while it goes on, then its report, or why there is none."""

    text: str
    steps: list[str] = field(default_factory=list)
    report: Trial | None = None
    failed: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it goes on no more."""
        return self.report is not None or self.failed is not None


class Drafts:
    """The draft and the last trial of each dataset. They end with the console."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drafts: dict[DatasetName, Draft] = {}
        self._trials: dict[DatasetName, Tried] = {}

    def of(self, name: DatasetName) -> Draft | None:
        """The draft of a dataset's definition; None if nobody writes one."""
        with self._lock:
            return self._drafts.get(name)

    def keep(self, name: DatasetName, draft: Draft) -> None:
        """Keep a draft in the place of the last one. Of too many, those that were kept first are forgotten."""
        with self._lock:
            self._drafts.pop(name, None)
            self._drafts[name] = draft
            while len(self._drafts) > MOST_DRAFTS:
                del self._drafts[next(iter(self._drafts))]

    def discard(self, name: DatasetName) -> bool:
        """Forget a draft and its trial; False if there was no draft."""
        with self._lock:
            trial = self._trials.get(name)
            if trial and trial.ended:
                del self._trials[name]
            return self._drafts.pop(name, None) is not None

    def trial(self, name: DatasetName) -> Tried | None:
        """The last trial of a dataset's draft; None if there was none."""
        with self._lock:
            return self._trials.get(name)

    def start(self, lake: Lake, dataset: Dataset, text: str) -> None:
        """Begin to try a definition; `Refused` while another one of the dataset is tried, or if it has a transform."""
        if dataset.transform is not None:
            raise Refused(
                f"{dataset.name} has a transform, which runs in a Spark of its own",
                hint=f"Save the draft, then run `sluice try {dataset.name}`.",
            )
        rows = chosen_objects(lake, dataset, OBJECTS)
        with self._lock:
            last = self._trials.get(dataset.name)
            if last and not last.ended:
                raise Refused(f"a draft of {dataset.name} is being tried already")
            if sum(not each.ended for each in self._trials.values()) >= MOST_TRIALS:
                raise Refused(f"{MOST_TRIALS} drafts are being tried", hint="Wait for one.")
            tried = self._trials[dataset.name] = Tried(text)

        trials = Trials(lake=lake, say=tried.steps.append, new_id=lambda: str(ULID()), session=_no_session)

        def run() -> None:
            tried.report = trials.run(dataset, rows)

        def failed(why: str) -> None:
            tried.failed = why

        background.start(f"try-{dataset.name}", run, failed)


def _no_session() -> AbstractContextManager[SparkSession]:
    raise Refused("transforms are tried by `sluice try`")
