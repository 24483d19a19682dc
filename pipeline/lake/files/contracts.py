"""Which column of a file is which of the table's: `from`, places, names, and what the contract lacks or the file does.

Pure. Messages have the places of columns, counted from 1, and never their names: without a header those are cells.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.names import bare_name, marked_name, safe_name, spoken_name
from pipeline.lake.files.column_names import check_name

_SAY_FROM = "Rename one of them in the file, or say which is which with `from` in the dataset's definition."


def map_columns(
    names: Sequence[str], contract: Mapping[str, Column], settings: StageA | None = None
) -> tuple[str | None, ...]:
    """The name in the table of each column of a file, in the file's order, from what the file calls them.

    A column of the contract with `from` is the one at that place, or of that name letter for letter; spaces around a
    name, and characters without width, count only where two names differ in nothing else. Another one is the column
    whose safe name it has, or, if there is none, what `is_called` so. What is left are new columns, under their safe
    names, and with a mark where the contract means another column by that name. None stands for a column without a
    name: its cells have to be empty. Columns of the contract that the answer lacks are missing in the file.

    BadObject where two columns would be one, where a name is Sluice's or Iceberg's, and for a new column where the
    dataset says `on_new_column: reject`.
    """
    mapping = _Mapping(names, contract)
    mapping.take_places()
    mapping.take_names()
    mapping.take_own_names()
    mapping.take_new_names()
    if settings and settings.on_new_column == "reject":
        _refuse_new(mapping.found, contract)
    return tuple(mapping.found)


def map_places(contract: Mapping[str, Column], count: int | None = None) -> tuple[str | None, ...]:
    """The same for a file without header, which has `count` columns; unsaid, as many as the contract needs.

    Columns with `from` stand at their places, the others in order at those that are left.
    """
    placed = {column.source: name for name, column in contract.items() if isinstance(column.source, int)}
    others = [name for name in contract if name not in placed.values()]
    width = count if count is not None else max(len(contract), *placed, 0)
    left = iter(others)
    return tuple(placed.get(place) or next(left, None) for place in range(1, width + 1))


class _Mapping:
    """Names given so far: each step takes columns that none before has."""

    def __init__(self, names: Sequence[str], contract: Mapping[str, Column]) -> None:
        self._names = [unicodedata.normalize("NFC", name) for name in names]
        self._contract = contract
        self.found: list[str | None] = [None] * len(names)

    def take_places(self) -> None:
        for name, column in self._contract.items():
            if isinstance(column.source, int) and column.source <= len(self._names):
                self.found[column.source - 1] = name

    def take_names(self) -> None:
        exact, near = self._free_by(str), self._free_by(bare_name)
        for name, column in self._contract.items():
            if isinstance(column.source, str):
                source = unicodedata.normalize("NFC", column.source)
                self._take(name, self._still_free(exact[source]) or self._still_free(near[bare_name(source)]))

    def take_own_names(self) -> None:
        exact, near = self._free_by(safe_name), self._free_by(spoken_name)
        for name, column in self._contract.items():
            if column.source is None:
                self._take(name, self._still_free(exact[name]) or self._still_free(near[name]))

    def take_new_names(self) -> None:
        taken = {name: place for place, name in enumerate(self.found) if name is not None}
        for place, header in enumerate(self._names):
            if self.found[place] is not None or not bare_name(header):
                continue
            name = safe_name(header)
            if name in self._contract:
                # The file has it beside, or instead of, the column that the contract means.
                name = marked_name(header)
            if name in taken:
                raise _twice([taken[name], place])
            check_name(place + 1, name)
            self.found[place] = name
            taken[name] = place

    def _free_by(self, key: Callable[[str], str]) -> Mapping[str, list[int]]:
        places = defaultdict[str, list[int]](list)
        for place, header in enumerate(self._names):
            if self.found[place] is None:
                places[key(header)].append(place)
        return places

    def _still_free(self, places: Sequence[int]) -> list[int]:
        return [place for place in places if self.found[place] is None]

    def _take(self, name: str, places: list[int]) -> None:
        if len(places) > 1:
            raise _twice(places)
        if places:
            self.found[places[0]] = name


def _twice(places: Sequence[int]) -> BadObject:
    first, second, *_ = places
    return BadObject(f"columns {first + 1} and {second + 1} have the same name", hint=_SAY_FROM)


def _refuse_new(found: Sequence[str | None], contract: Mapping[str, Column]) -> None:
    new = [place for place, name in enumerate(found, 1) if name is not None and name not in contract]
    if new:
        which = f"column {new[0]}" if len(new) == 1 else f"columns {', '.join(map(str, new[:10]))}"
        raise BadObject(
            f"the dataset says `on_new_column: reject` and does not declare {which} of the file",
            hint="Declare what is new, or say `on_new_column: add` or `rescue`.",
        )
