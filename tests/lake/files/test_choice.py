"""Some rows of a file read anew, by their places."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.files.choice import Choice
from pipeline.lake.files.conversion import Conversion, convert
from tests.lake.files.formats import FORMATS, Format

TEXT = b"id,price\n1,10\n2,x\n3,30\n4,y\n5,50\n2,20\n"


def places(*lines: int) -> Any:
    return np.array(lines, dtype=np.int64)


def read(
    tmp_path: Path, body: bytes, choice: Choice | None, price: str = "bigint", **settings: Any
) -> tuple[Conversion, list[tuple[Any, ...]], list[int]]:
    contract = {"id": Column(type="bigint"), "price": Column(type=price)}
    done, rows, lines = converted(tmp_path, body, {"format": "csv", **settings}, contract, choice)
    return done, [(row["_sluice_row"], row["id"], row["price"]) for row in rows], lines


def converted(
    tmp_path: Path, body: bytes, settings: dict[str, Any], contract: dict[str, Column], choice: Choice | None
) -> tuple[Conversion, list[dict[str, Any]], list[int]]:
    parquet, bad = tmp_path / "out.parquet", tmp_path / "bad.jsonl"
    done = convert(
        io.BytesIO(body),
        file_name="a",
        settings=StageA.model_validate(settings),
        contract=contract,
        parquet=parquet,
        bad_rows=bad,
        metadata={},
        choice=choice,
    )
    lines = [json.loads(line)["line"] for line in bad.read_text().splitlines()]
    return done, pq.read_table(parquet).to_pylist(), lines


def test_only_chosen_rows_are_read_and_those_that_are_still_bad_are_told(tmp_path: Path) -> None:
    _, _, bad = read(tmp_path, TEXT, None)
    assert bad == [3, 5]
    choice = Choice(places(3, 5), places(), 6)
    assert read(tmp_path, TEXT, choice, "string")[1:] == ([(3, 2, "x"), (5, 4, "y")], [])
    done, rows, bad = read(tmp_path, TEXT, choice, null_values=["x"])
    assert (rows, bad, done.rows_in, done.rows_out, done.rows_bad) == ([(3, 2, None)], [5], 2, 1, 1)
    assert read(tmp_path, TEXT, Choice(places(5), places(3), 6), "string")[1:] == ([(5, 4, "y")], [])


def test_the_limits_of_bad_rows_are_about_whole_files_and_not_about_chosen_rows(tmp_path: Path) -> None:
    choice = Choice(places(3, 5), places(), 6)
    assert read(tmp_path, TEXT, choice, on_bad_row="reject_file")[2] == [3, 5]
    assert read(tmp_path, TEXT, choice, max_bad_rows=0)[2] == [3, 5]


def test_a_chosen_row_that_is_none_any_more_is_told(tmp_path: Path) -> None:
    body = b"id,price\n1,10\n#2,x\n3,30\n"
    done, rows, _ = read(tmp_path, body, Choice(places(3), places(), 3), comment="#")
    assert (rows, done.elsewhere.none) == ([], (3,))


@pytest.mark.parametrize("settings", [{"comment": "3"}, {"null_values": ["x"], "comment": "1"}])
def test_a_file_that_is_cut_into_other_rows_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(BadObject, match="where it read 6"):
        read(tmp_path, TEXT, Choice(places(3), places(5), 6), "string", **settings)


@pytest.mark.parametrize("blocks", [1, 300_000])
def test_a_later_row_of_the_same_key_that_is_loaded_counts(tmp_path: Path, blocks: int) -> None:
    """Of one key the last row of a file wins, in whatever block of it."""
    filling = b"".join(b"%d,1\n" % n for n in range(100, 100 + blocks))
    body = b"id,price\n2,x\n4,y\n" + filling + b"2,20\n4,z\n"
    total = 4 + blocks
    last = total + 1
    choice = Choice(places(2, 3), places(last), total, ("id",))
    done, rows, _ = read(tmp_path, body, choice, "string")
    assert (rows, done.elsewhere.overtaken) == ([(2, 2, "x"), (3, 4, "y")], (2,))
    assert read(tmp_path, body, Choice(places(2, last), places(3), total, ("id",)), "string")[
        0
    ].elsewhere.overtaken == (2,)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_what_was_bad_in_a_file_of_any_format_is_read_by_its_place(tmp_path: Path, form: Format) -> None:
    body = form.data(("1", "Ada"), ("x", "Grace"), ("3", "Zoë"), ("y", "Alan"))
    settings = {"format": form.name, **form.options}
    _, _, bad = converted(tmp_path, body, settings, {"id": Column(type="bigint")}, None)
    assert bad == [form.first + 1, form.first + 3]
    choice = Choice(places(*bad[:1]), places(*bad[1:]), 4)
    done, rows, left = converted(tmp_path, body, settings, {"id": Column(type="string")}, choice)
    assert [(row["id"], row["name"], row["_sluice_row"]) for row in rows] == [("x", "Grace", form.first + 1)]
    assert (left, done.rows_in, done.elsewhere.none) == ([], 1, ())
    done, rows, left = converted(tmp_path, body, settings, {"id": Column(type="bigint")}, choice)
    assert (rows, left) == ([], bad[:1])
