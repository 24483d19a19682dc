"""Two batches of raw files of one dataset, as Hypothesis makes them. What they mean is for `plain` to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.stages.rows.drafts import ROW, Case, Draft, Kind, Row
from tests.stages.rows.plain.meanings import DECLARED
from tests.stages.rows.plain.reading import NULL, Num

Draw = st.DrawFn

# What SQL, Spark, Arrow or JSON readers might take for something of their own.
NAMES = ["a", "Late Column", "x0", "t", "s", "größe", "value", "1st", "_metadata", "order", "a-b", "element"]

words = st.sampled_from(
    ["", "01234", "007", "null", "NULL", "NaN", "true", "2020-01-01", "1", "1.0", "1e5", "-0", " x "]
)
# Of what is special to CSV and JSON there is more than chance would give.
letters = st.sampled_from('ab"01,;|\n\r\t\\{}[] é😀\u2028\x7f') | st.characters(
    exclude_categories=["Cs"], exclude_characters=f"\0{NULL}"
)
strings = words | st.text(letters, max_size=6)
small = st.integers(-9, 99).map(str)
huge = st.sampled_from(
    [2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**60, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30, -(10**45)]
).map(str)
integers = small | small | huge | st.integers().map(str)
fractions = st.decimals(-1000, 1000, places=2).map(str) | st.sampled_from(
    ["1.10", "0.1", "3.0", "1e5", "1E-7", "0.1234567890123456789", "123456789.123456789", "-0.0", "5e-324", "1.5e300"]
)
numbers = integers | fractions
json_names = st.sampled_from(["x", "y", "x y", "x_y", "Ünï", "k.1"])


def _lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(items | st.none(), max_size=3)


def _objects(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(json_names, items | st.none(), max_size=3)


look_alikes = st.sampled_from(
    ["1", "01", "1.0", "1.50", "-0", "1e5", "+1", " 1", "1_0", "9007199254740993", "9223372036854775808", "0.1", "True"]
)
"""Texts that are almost numbers, or are: what a column of numbers gets when a sender changes."""

flat_json: list[st.SearchStrategy[Any]] = [
    small.map(Num),
    integers.map(Num),
    fractions.map(Num),
    numbers.map(Num),
    strings,
    small,
    st.booleans(),
]
any_flat = st.one_of(flat_json)
any_json = st.recursive(any_flat, lambda inner: _lists(inner) | _objects(inner), max_leaves=4)
JSON: list[st.SearchStrategy[Any]] = [
    *flat_json,
    *map(_lists, flat_json),
    *map(_objects, flat_json),
    st.fixed_dictionaries({}, optional={"x": small.map(Num), "y": strings, "z": _lists(_objects(integers.map(Num)))}),
    _lists(_lists(small.map(Num))),
    any_flat,
    any_json,
]
"""The values of a column of one file: mostly of one kind, sometimes of all."""

dates = st.dates().map(str) | st.sampled_from(["2020-02-30", "0001-01-01", "1582-10-10", "9999-12-31", "2020-1-1"])
clock = st.sampled_from(["", "Z", "+01:00", "-05:30", ".5", ".123456Z", ".123456789"])
moments = st.builds(
    lambda day, mark, time, end: f"{day}{mark}{time}{end}",
    st.dates().map(str) | st.sampled_from(["1582-10-10", "1900-01-01", "0001-01-02", "9999-12-30"]),
    st.sampled_from("T "),
    st.times().map(lambda time: time.isoformat("seconds")) | st.just("24:00:00"),
    clock,
)
MEANT: dict[str, st.SearchStrategy[Any]] = {
    "string": any_json,
    "int": small | integers | small.map("00".__add__),
    "bigint": integers,
    "float": small | fractions | st.sampled_from(["16777217", "1e39", "NaN"]),
    "double": numbers | st.sampled_from(["NaN", "-Infinity", "1e999"]),
    "boolean": st.booleans() | st.sampled_from(["true", "FALSE", "1", "yes"]),
    "date": dates,
    "timestamp": moments,
    "decimal(5,2)": small | fractions,
    "decimal(38,10)": numbers,
    "array<int>": _lists(integers.map(Num)),
    "map<string,double>": _objects(numbers.map(Num)),
    "struct<x:bigint,y:array<string>>": st.fixed_dictionaries(
        {}, optional={"x": integers.map(Num), "Y": _lists(any_flat)}
    ),
    "array<struct<x:date,y:decimal(5,2)>>": _lists(
        st.fixed_dictionaries({}, optional={"x": dates, "y": fractions.map(Num)})
    ),
}
"""Values for a declared column: most have a meaning in it."""
assert MEANT.keys() == DECLARED.keys()

KEYS = ["string", "bigint", "decimal(5,2)", "date", "boolean"]
KEY_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(["1", "01", "", "é", Num("1"), Num("1.0")]),
    "bigint": st.sampled_from(["1", "02", Num("2"), "3", "x"]),
    "decimal(5,2)": st.sampled_from(["1", Num("1.0"), "1.10", Num("1.1"), Num("-0"), "0"]),
    "date": st.sampled_from(["2020-01-01", "1500-01-01", "2020-02-30"]),
    "boolean": st.sampled_from(["true", "TRUE", "false"]),
}


kinds = st.builds(
    lambda form, delimiter, keys: Kind(form, delimiter if form == "csv" else ",", keys),
    st.sampled_from(["csv", "json", "jsonl"]),
    st.sampled_from(",;\t|"),
    st.dictionaries(st.sampled_from(["k1", "k2"]), st.sampled_from(KEYS), max_size=2),
)


@st.composite
def cases(draw: Draw, of: st.SearchStrategy[Kind] = kinds) -> Case:
    kind = draw(of)
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    declared = {name: draw(st.sampled_from([*DECLARED])) for name in names if draw(st.booleans())}
    sizes = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    orders = draw(st.permutations(range(sum(sizes))))
    maker = _Maker(draw, kind, names, declared)
    files = [maker.draft(number, order) for number, order in enumerate(orders)]
    return Case(kind, declared, (tuple(files[: sizes[0]]), tuple(files[sizes[0] :])))


class _Maker:
    """Makes the files of one dataset, whose columns are mostly alike."""

    def __init__(self, draw: Draw, kind: Kind, names: Sequence[str], declared: dict[str, str]) -> None:
        self._draw = draw
        self._kind = kind
        self._names = names
        self._usual = {name: MEANT[declared[name]] if name in declared else self._values() for name in names}

    def draft(self, number: int, order: int) -> Draft:
        names = [name for name in self._names if self._draw(st.integers(0, 3))]
        values = {name: self._usual[name] if self._draw(st.integers(0, 2)) else self._other() for name in names}
        values |= {name: KEY_VALUES[type] for name, type in self._kind.keys.items()}
        size = self._draw(st.integers(0, 6) | st.integers(0, 30))
        rows = tuple(self._row(values, f"{number}-{row}") for row in range(size))
        array = self._kind.form == "json" and self._draw(st.booleans())
        return Draft(
            order,
            f"{number}-first",
            tuple(values),
            rows,
            line_end=self._draw(st.sampled_from(["\n", "\r\n"])),
            quoted=self._draw(st.booleans()),
            ascii_only=self._draw(st.booleans()),
            separator=self._draw(st.sampled_from([",", ", ", "\n,"])) if array else None,
        )

    def _values(self) -> st.SearchStrategy[Any]:
        return strings if self._kind.form == "csv" else self._draw(st.sampled_from(JSON))

    def _other(self) -> st.SearchStrategy[Any]:
        return look_alikes if self._draw(st.booleans()) else self._values()

    def _row(self, kinds: dict[str, st.SearchStrategy[Any]], mark: str) -> Row:
        row: dict[str, Any] = {ROW: mark}
        for name, kind in kinds.items():
            chance = self._draw(st.integers(0, 9))
            if chance:
                row[name] = self._draw(kind) if chance > 1 else None
        return Row(row, self._draw(st.integers(0, 29)) if not self._draw(st.integers(0, 15)) else None)
