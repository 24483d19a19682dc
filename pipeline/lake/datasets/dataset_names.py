"""What datasets are called. Apart from `model`, so that who needs no definition does not load pydantic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# A team is also a Glue database and a dataset a Glue table: Athena wants lower case, digits and underscores.
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"

RESERVED_TEAMS: Mapping[str, str] = {
    "quarantine": "rows that were set aside are queried as quarantine.team.dataset",
    **dict.fromkeys(
        ("information_schema", "memory", "pg_catalog", "system", "temp"),
        "in a query it means a catalog of DuckDB's own",
    ),
}
"""Names that no new team may take, and why. A team that is registered under one keeps it."""


def reserved_team(team: str) -> str | None:
    """What to tell of a team's name that is taken; None for any other."""
    why = RESERVED_TEAMS.get(team)
    return f"no new team can be called {team!r}: {why}; choose another name" if why else None


@dataclass(frozen=True, slots=True, order=True)
class DatasetName:
    """`team/dataset`. In Glue the team is a database (with the lake's prefix) and the dataset a table."""

    team: str
    dataset: str

    def __str__(self) -> str:
        return f"{self.team}/{self.dataset}"

    @classmethod
    def parse(cls, text: str) -> DatasetName:
        """Read `team/dataset` or `team.dataset`; ValueError for anything else."""
        team, separator, dataset = text.replace(".", "/", 1).partition("/")
        if not separator or not all(re.match(NAME_PATTERN, part) for part in (team, dataset)):
            raise ValueError(f"{text!r} is not of the form team/dataset (lower case, digits, underscores)")
        return cls(team, dataset)
