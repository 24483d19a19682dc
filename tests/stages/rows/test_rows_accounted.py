"""Every row of a batch is written, set aside or superseded, in every write mode and whatever its file is called; and
one that is none of these fails the batch."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import Inconsistent
from pipeline.lake.datasets import Dataset
from stages.stage_b.jobs import staged_rows, tally
from stages.stage_b.jobs.batch_manifest import inspect_staged, read_manifest
from stages.stage_b.jobs.branch_writes import Job, write_batch
from stages.stage_b.jobs.printed_paths import by_spelling
from tests.stages.rows.drafts import RawFile
from tests.stages.rows.loading import Loader, Staged
from tests.stages.rows.test_values_survive import examples

MODES: dict[str, dict[str, Any]] = {
    "append": {},
    "replace": {"write": "replace"},
    "upsert": {"write": "upsert", "key": ["id"]},
    "overwrite": {"write": "overwrite"},
    "overwrite by partition": {"write": "overwrite", "partition_by": ["p"]},
}
ODD_NAMES = ["a b", "a+b", "ä 日本", "a=b&c;d,'e'", "a%20b!", "a%zz", "a%2Bc"]
_numbers = itertools.count()


@dataclass(frozen=True)
class Row:
    """`n` is in one row only; a `v` that is no number does not fit the table."""

    n: int
    id: int | None
    p: str | None
    v: str


@dataclass(frozen=True)
class File:
    """A version of the object `name`, if it has one: else an object of its own."""

    order: int
    rows: tuple[Row, ...]
    name: str | None = None


def make_dataset(mode: str) -> Dataset:
    columns = {"n": "bigint", "id": "bigint", "p": "string", "v": "int"}
    definition = {"team": "team", "dataset": "set", "stage_a": {"format": "json", "columns": columns}}
    return Dataset.model_validate({**definition, "table": MODES[mode]})


def stage(file: File, uri: str | None = None) -> Staged:
    kinds = pa.schema([("n", pa.int64()), ("id", pa.int64()), ("p", pa.string()), ("v", pa.string())])
    table = pa.Table.from_pylist([dataclasses.asdict(row) for row in file.rows], kinds)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=2)
    return Staged(RawFile("", file.order), table, [], buffer.getvalue(), uri, file.name)


def files_of(*sizes: int, order: int = 1) -> list[File]:
    numbers = itertools.count()
    return [
        File(order + place, tuple(Row(n, n, "ab"[n % 2], "1") for n in itertools.islice(numbers, size)))
        for place, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(("mode", "gather"), [*((mode, False) for mode in MODES), ("upsert", True)])
def test_rows_of_files_with_odd_names_arrive(lake: Loader, mode: str, gather: bool) -> None:
    dataset = make_dataset(mode)
    table = lake.make_table(dataset)
    files = files_of(*range(2, 2 + len(ODD_NAMES)))
    uris = [
        f"{scheme}://values-staging/{table}/{name}.parquet"
        for scheme, name in zip(itertools.cycle(["s3", "s3a"]), ODD_NAMES)
    ]
    batch = lake.seal(dataset, table, [stage(file, uri) for file, uri in zip(files, uris, strict=True)])
    written = lake.write(table, batch, "r1", gather=gather).written
    lake.commit(table, batch, written)
    expected = {row.n for file in (files[-1:] if mode == "overwrite" else files) for row in file.rows}
    if mode == "overwrite by partition":
        # The newest file has rows of both.
        expected = {row.n for row in files[-1].rows}
    assert set(lake.read(table)["n"].to_pylist()) == expected
    assert written.rows == len(expected)
    assert written.superseded_rows == sum(len(file.rows) for file in files) - len(expected)


def test_names_that_spark_may_print_alike_are_refused() -> None:
    with pytest.raises(Inconsistent, match="alike"):
        by_spelling(["s3://b/a b", "s3://b/a%20b"])


class Model:
    """The table in plain Python: which rows each batch writes, sets aside and finds superseded."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self.rows: dict[int, tuple[int, Row]] = {}
        """By `n`, with the order of the file."""
        self._names: dict[int, str] = {}

    def load(self, files: Sequence[File]) -> tuple[int, int, int]:
        self._names |= {file.order: file.name or str(file.order) for file in files}
        rows = [(file.order, row) for file in sorted(files, key=lambda file: file.order) for row in file.rows]
        good = [(order, row) for order, row in rows if not self._is_bad(row)]
        before = dict(self.rows)
        if self._mode == "append":
            self.rows |= {row.n: (order, row) for order, row in good}
        else:
            self._replace(good)
        written = len(self.rows.keys() - before.keys())
        return written, len(rows) - len(good), len(good) - written

    def _is_bad(self, row: Row) -> bool:
        return not row.v.isdigit() or (self._mode == "upsert" and row.id is None)

    def _replace(self, good: Sequence[tuple[int, Row]]) -> None:
        newest: dict[Any, int] = {}
        there: dict[Any, int] = {}
        for order, row in good:
            newest[self._unit(order, row)] = max(order, newest.get(self._unit(order, row), 0))
        for order, row in self.rows.values():
            there[self._unit(order, row)] = max(order, there.get(self._unit(order, row), 0))
        winners = {unit for unit, order in newest.items() if order >= there.get(unit, 0)}
        self.rows = {n: found for n, found in self.rows.items() if self._unit(*found) not in winners}
        units = [(self._unit(order, row), order, row) for order, row in good]
        chosen = [(order, row) for unit, order, row in units if unit in winners and order == newest[unit]]
        if self._mode == "upsert":
            # Of one file the last row of a key.
            chosen = list({row.id: (order, row) for order, row in chosen}.values())
        self.rows |= {row.n: (order, row) for order, row in chosen}

    def _unit(self, order: int, row: Row) -> Any:
        """What is replaced as a whole."""
        units = {"replace": self._names[order], "upsert": row.id, "overwrite": None, "overwrite by partition": row.p}
        return units[self._mode]


rows = st.builds(
    lambda id, p, v: Row(next(_numbers), id, p, v),
    st.integers(0, 5) | st.none(),
    st.sampled_from(["a", "b", "c d", None]),
    st.sampled_from(["1", "1", "1", "x"]),
)
contents = st.lists(rows, min_size=1, max_size=5).map(tuple)


@st.composite
def batches(draw: st.DrawFn) -> list[list[File]]:
    orders = draw(st.permutations(range(1, 7)))
    # The bars and quotes of the names are no borders in an order, nor in SQL.
    names = st.sampled_from([None, "it's|a|name", "b"])
    files = [File(order, draw(contents), draw(names)) for order in orders]
    return [files[:3], files[3:5], files[5:]]


@pytest.mark.parametrize("mode", MODES)
@examples(2)
@given(batches=batches(), gather=st.booleans())
def test_what_is_read_is_written_set_aside_or_superseded(
    lake: Loader, mode: str, caplog: pytest.LogCaptureFixture, batches: list[list[File]], gather: bool
) -> None:
    dataset, model = make_dataset(mode), Model(mode)
    table = lake.make_table(dataset)
    for files in batches:
        batch = lake.seal(dataset, table, [stage(file) for file in files])
        loaded = lake.write(table, batch, "r1", gather=gather)
        lake.commit(table, batch, loaded.written)
        found = loaded.written
        assert (found.rows, found.bad_rows, found.superseded_rows) == model.load(files)
        assert found.rows + found.bad_rows + found.superseded_rows == sum(len(file.rows) for file in files)
        assert len(loaded.quarantined) == found.bad_rows
    assert sorted(lake.read(table)["n"].to_pylist()) == sorted(model.rows)
    assert "counting again" not in caplog.text


@pytest.fixture
def write(lake: Loader) -> Any:
    """`write(mode, change)` writes a batch of three files of which the job is told what `change` makes of them."""

    def write(mode: str, change: Any = lambda files: files) -> Any:
        dataset = make_dataset(mode)
        table = lake.make_table(dataset)
        uri = lake.seal(dataset, table, [stage(file) for file in files_of(2, 4, 6)])
        manifest = read_manifest(lake._lake.s3, f"s3://values-staging/_manifests/team/set/{uri}.json", "team/set")
        files = change(inspect_staged(lake._lake.s3, manifest))
        job = Job(manifest, "r1", table, f"s3://values-quarantine/{uri}")
        written = write_batch(lake._spark.newSession(), job, files)
        return written, set(lake.tables.load(table).metadata.refs), lake.read(table).num_rows

    return write


@pytest.mark.parametrize("mode", MODES)
def test_rows_whose_file_is_not_found_fail_the_batch(write: Any, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(paths: Sequence[str]) -> Mapping[str, int]:
        return {spelled: place for spelled, place in by_spelling(paths).items() if place != 1}

    monkeypatch.setattr(staged_rows, "by_spelling", forgetful)
    with pytest.raises(Inconsistent, match=r"of the 4 rows of s3://\S+ 0 were read"):
        write(mode)


@pytest.mark.parametrize(("mode", "place"), list(zip(MODES, (0, 2, 1, 2, 0), strict=True)))
def test_a_row_that_is_not_read_or_read_twice_fails_the_batch(write: Any, mode: str, place: int) -> None:
    def with_rows(number: int) -> Any:
        def change(files: list[Any]) -> list[Any]:
            changed = dataclasses.replace(files[place].object, rows=files[place].object.rows + number)
            return [dataclasses.replace(f, object=changed) if at == place else f for at, f in enumerate(files)]

        return change

    for difference in (1, -1):
        with pytest.raises(Inconsistent, match=rf"of the \d rows of s3://\S+ {(2, 4, 6)[place]} were read"):
            write(mode, with_rows(difference))


@pytest.mark.parametrize("mode", MODES)
def test_numbers_that_spark_does_not_tell_are_counted(write: Any, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _, _ = write(mode)
    monkeypatch.setattr(tally, "PATIENCE_S", 0)
    counted, _, _ = write(mode)
    assert (seen.rows, seen.superseded_rows) == (counted.rows, counted.superseded_rows)
