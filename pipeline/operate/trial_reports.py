"""What a trial of a definition found, beside what the lake has of the same objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.lake.batches.records import Verdict
from pipeline.lake.datasets.system_columns import ORDER_COLUMN
from pipeline.lake.tables.evolution import additions, conflicts, widenings
from pipeline.operate.query_types import quoted
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
class RowDifferences:
    """Rows of the same objects, compared whole in the columns that both tables have: how many are as they are in the
    table now, how many only the table has, and how many only the trial."""

    same: int
    only_there: int
    only_tried: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial's report. `bad` counts bad rows by reason, `written` is rows and rows set aside by the transform."""

    dataset: str
    objects: tuple[Tried, ...]
    bad: tuple[tuple[str, int], ...] = ()
    written: tuple[int, int] | None = None
    schema: tuple[str, ...] = ()
    rows: RowDifferences | None = None
    """None where the table does not say which object a row is of (`append`), or nothing is published."""
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
            "rows": asdict(self.rows) if self.rows else None,
            "quality": {"outcome": self.verdict.outcome, "rules": [asdict(rule) for rule in self.verdict.rules]}
            if self.verdict
            else None,
            "failed": self.failed,
        }


def published_table(lake: Lake, dataset: Dataset) -> Any:
    """The Iceberg table that readers have of a dataset; None if there is none."""
    registration = lake.registry.get(dataset.name)
    return (
        load_table(registration, lake.tables)
        if registration and registration.dataset.table.format == "iceberg"
        else None
    )


def schema_changes(published: Any, tried: Any) -> tuple[str, ...]:
    """How the columns of the scratch table are other than those that readers have, in words; () where they are not."""
    from pipeline.lake.tables.schema import columns_of

    have, wanted = columns_of(published.schema()), columns_of(tried.schema())
    return (
        *(f"new: {each}" for each in additions(have, wanted)),
        *(f"wider: {each}" for each in widenings(have, wanted)),
        *(f"refused: {each}" for each in conflicts(have, wanted)),
        *(f"not in these files: {name}" for name in sorted(have.keys() - wanted.keys())),
    )


def row_differences(published: Any, tried: Any, snapshot: int, orders: Sequence[str]) -> RowDifferences | None:
    """How the rows of `snapshot` of the scratch table are other than those that the same objects have in the table.

    `orders` are those of the objects (`_sluice_order`). None where one of the tables has no such column. A row that a
    later object replaced counts as one that only the trial has.
    """
    import duckdb
    from pyiceberg.expressions import In

    names = [field.name for field in tried.schema().fields if field.name in published.schema().column_names]
    if ORDER_COLUMN not in names:
        return None
    compared = ", ".join(quoted(name) for name in names if name != ORDER_COLUMN)
    # Its own annotations want the bound form of what it takes unbound.
    mine: Any = In(ORDER_COLUMN, set(orders))  # type: ignore[call-arg, arg-type]
    there = published.scan(row_filter=mine, selected_fields=tuple(names)).to_arrow()
    new = tried.scan(snapshot_id=snapshot, selected_fields=tuple(names)).to_arrow()
    with duckdb.connect(":memory:") as db:
        db.register("there", there)
        db.register("new", new)

        def only(one: str, other: str) -> int:
            sql = f"SELECT {compared} FROM {one} EXCEPT ALL SELECT {compared} FROM {other}"
            [(count,)] = db.execute(f"SELECT count(*) FROM ({sql})").fetchall()
            return int(count)

        only_there, only_tried = only("there", "new"), only("new", "there")
    return RowDifferences(new.num_rows - only_tried, only_there, only_tried)
