"""What a trial of a definition found, beside what the lake has of the same objects."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.lake.batches.records import Verdict
from pipeline.lake.tables.evolution import additions, conflicts, widenings
from pipeline.operate.tables import load_table

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Dataset
    from pipeline.lake.services import Lake


@dataclass(frozen=True, slots=True)
class Tried:
    """A raw object: the rows that the lake has of it and those that it set aside (None where it never read it), and
    what the edited definition makes of it; `refused` says why Stage A would quarantine it."""

    uri: str
    had: int | None
    had_bad: int | None
    rows_in: int | None = None
    rows: int | None = None
    bad: int | None = None
    refused: str | None = None

    @property
    def differs(self) -> bool:
        """Whether more or fewer rows would be loaded than were."""
        return (self.had, self.had_bad or 0) != (self.rows, self.bad or 0)


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial's report. `bad` counts bad rows by reason, `written` is rows and rows set aside by the transform."""

    dataset: str
    objects: tuple[Tried, ...]
    bad: tuple[tuple[str, int], ...] = ()
    written: tuple[int, int] | None = None
    schema: tuple[str, ...] = ()
    verdict: Verdict | None = None
    failed: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether every object was read, the jobs ran and the rules hold."""
        holds = self.verdict is None or self.verdict.outcome != "FAILED"
        return holds and self.failed is None and not any(each.refused for each in self.objects)

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return {
            "dataset": self.dataset,
            "good": self.is_good,
            "objects": [{**asdict(each), "differs": each.differs} for each in self.objects],
            "bad_rows": [{"reason": reason, "rows": rows} for reason, rows in self.bad],
            "written": {"rows": self.written[0], "set_aside": self.written[1]} if self.written else None,
            "schema": list(self.schema),
            "quality": {"outcome": self.verdict.outcome, "rules": [asdict(rule) for rule in self.verdict.rules]}
            if self.verdict
            else None,
            "failed": self.failed,
        }


def schema_changes(lake: Lake, dataset: Dataset, scratch: str) -> tuple[str, ...]:
    """How the columns of the scratch table are other than those that readers have, in words; () where they are not."""
    from pipeline.lake.tables.iceberg import IcebergTables
    from pipeline.lake.tables.schema import columns_of

    registration = lake.registry.get(dataset.name)
    published = load_table(registration) if registration and registration.dataset.table.format == "iceberg" else None
    if published is None:
        return ()
    have = columns_of(published.schema())
    wanted = columns_of(IcebergTables().catalog.load_table(scratch).schema())
    return (
        *(f"new: {each}" for each in additions(have, wanted)),
        *(f"wider: {each}" for each in widenings(have, wanted)),
        *(f"refused: {each}" for each in conflicts(have, wanted)),
        *(f"not in these files: {name}" for name in sorted(have.keys() - wanted.keys())),
    )
