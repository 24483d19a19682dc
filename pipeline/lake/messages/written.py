"""What a run of Stage B's job wrote: on the batch's row, and as the result that a team's transform hands over.

Jobs read it without pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Written:
    """What one job run wrote. `snapshot` is None when no row was left to write.

    `superseded` lists objects (`path#version_id`) of an overwrite that newer ones had already replaced;
    `superseded_rows` counts rows of an upsert or overwrite that newer ones, of the batch or the table, had. Every row
    of the batch is in `rows`, in `bad_rows` or in `superseded_rows`. `can_move` says that neither the rows nor the
    verdict on them depend on the base: they can be appended to another.
    `set_aside` says whose the `bad_rows` are, and `repeated` how many rows of an object other versions of its key had
    brought to the table before; both by the object's digest. An object that is not in `repeated` was not compared.
    Where a transform of the team's own stands between, `given` staged rows went into it and `made` came out: these are
    in `rows` or in `superseded_rows`. `read` are the snapshots of the tables that it read, by dataset, as text.
    """

    run: str
    branch: str
    base: int
    snapshot: int | None
    rows: int
    bad_rows: int = 0
    superseded: tuple[str, ...] = ()
    superseded_rows: int = 0
    can_move: bool = False
    set_aside: Mapping[str, int] = field(default_factory=dict)
    repeated: Mapping[str, int] = field(default_factory=dict)
    given: int | None = None
    made: int | None = None
    read: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As the batch's row and the result have it: snapshots as text, which JSON's and DynamoDB's numbers spoil."""
        return {
            **asdict(self),
            "base": str(self.base),
            "snapshot": None if self.snapshot is None else str(self.snapshot),
            "superseded": list(self.superseded),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Written:
        """Reads what `to_json` wrote, also that of another release: facts that this one does not know are left out."""
        names, snapshot = {field.name for field in fields(cls)}, document["snapshot"]
        return cls(
            **{
                **{name: value for name, value in document.items() if name in names},
                "base": int(document["base"]),
                "snapshot": None if snapshot is None else int(snapshot),
                "superseded": tuple(document["superseded"]),
            }
        )


def result_key(dataset: str, batch: str, run: str) -> str:
    """Where a run of a team's transform leaves what it wrote, in the staging bucket.

    Beside the small files that the run gathers: its role may write there, and what is there expires.
    """
    return f"_gathered/{dataset}/{batch}/{run}/result.json"
