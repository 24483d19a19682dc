"""What is known of a sample before its values are looked at: how it is written, and what its columns are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.lake.proposals.names import Named


@dataclass(frozen=True, slots=True)
class Draft:
    """The options of a definition's `stage_a` but for columns, which come as the names that they get.

    `how` says in words how the file is cut; `is_text`: its values have no types of their own.
    """

    options: Mapping[str, Any]
    columns: tuple[Named, ...] = ()
    how: str = ""
    doubts: tuple[str, ...] = ()
    is_text: bool = True
    types: Mapping[str, str] = field(default_factory=dict)
    """Of the columns that have one in the file itself."""

    def as_text(self) -> dict[str, Any]:
        """The same with every column a string, or the type that it has in the file."""
        columns = {
            named.name: {
                "type": self.types.get(named.name, "string"),
                **({"from": named.source} if named.source else {}),
            }
            for named in self.columns
        }
        return {**self.options, "columns": columns}
