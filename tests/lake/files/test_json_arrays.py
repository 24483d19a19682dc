"""Arrays cut without a look at every byte, against the same ones cut with care."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import BadObject
from pipeline.lake.files.originals import Original
from pipeline.lake.files.readers.json_arrays import ArrayElements
from pipeline.lake.files.source import Source
from tests.examples import examples
from tests.lake.files.conftest import TINY, read

SMALL = replace(TINY, block=60, first_sample=40)
TRAPS = ["", "a", '}, {"id":', "},\n{", '"},{"id":1', "[", "]}", "\\", ", {"]

FAULTS = ["", ",", "]", "}", "{", "\n", '"', "0", " null, ", '}, {"id":', "},\n{"]


def outcome(data: str, *, careful: bool = False) -> Any:
    """Rows, places and bad rows, or the error."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if careful:
            patch.setattr(ArrayElements, "_guessed", lambda self: None)
        try:
            found = read(Path(folder), data, "json", limits=SMALL)
        except BadObject as error:
            return str(error)
        return found.rows, found.positions, found.bad, found.conversion


texts = st.lists(st.sampled_from(TRAPS), max_size=3).map("".join)
nested = st.fixed_dictionaries({"id": st.integers(0, 9)}, optional={"t": texts})
records = st.fixed_dictionaries(
    {"id": st.integers(0, 9)}, optional={"t": texts, "of": st.lists(nested, max_size=3), "o": nested}
)


def layout(objects: list[dict[str, Any]], kind: str) -> str:
    """The array as different writers write it."""
    match kind:
        case "compact":
            return json.dumps(objects, separators=(",", ":"))
        case "spaced":
            return json.dumps(objects)
        case "lines":
            return "[\n" + ",\n".join(map(json.dumps, objects)) + "\n]"
        case "tabs":
            return "[\r\n\t" + ",\r\n\t".join(map(json.dumps, objects)) + "\r\n]\r\n"
        case "indented":
            return json.dumps(objects, indent=2)
    return json.dumps(objects, indent=0)


layouts = st.sampled_from(["compact", "spaced", "lines", "tabs", "indented", "flat"])


@settings(max_examples=examples(120))
@given(st.lists(records, min_size=3, max_size=25), layouts)
def test_rows_do_not_depend_on_how_an_array_is_cut(objects: list[dict[str, Any]], kind: str) -> None:
    found = outcome(layout(objects, kind))
    assert found == outcome(layout(objects, kind), careful=True)
    assert [row["id"] for row in found[0]] == [each["id"] for each in objects]
    assert found[1] == list(range(1, len(objects) + 1))


@settings(max_examples=examples(120))
@given(st.lists(records, min_size=3, max_size=25), layouts, st.data())
@example([{"id": 1}] * 9, "lines", None)
def test_what_is_wrong_with_an_array_is_told_however_it_is_cut(
    objects: list[dict[str, Any]], kind: str, data: st.DataObject | None
) -> None:
    text = layout(objects, kind)
    place = data.draw(st.integers(1, len(text) - 1)) if data else text.rindex(",")
    put = data.draw(st.sampled_from(FAULTS)) if data else ""
    text = text[:place] + put + text[place + 1 :]
    assert outcome(text) == outcome(text, careful=True)


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> list[Original]:
    """What was read a second time."""
    found: list[Original] = []
    second = Original.second

    def counted(self: Original) -> Source:
        found.append(self)
        return second(self)

    monkeypatch.setattr(Original, "second", counted)
    return found


@pytest.mark.parametrize("kind", ["compact", "spaced", "lines", "tabs", "indented"])
def test_arrays_as_programs_write_them_are_read_once(kind: str, tmp_path: Path, again: list[Original]) -> None:
    objects = [{"id": number, "items": [{"sku": "a"}, {"sku": "b"}], "t": TRAPS[number % 9]} for number in range(99)]
    assert read(tmp_path, layout(objects, kind), "json", limits=SMALL).rows == objects
    assert not again


def test_objects_in_objects_that_look_like_records_make_it_read_again(tmp_path: Path, again: list[Original]) -> None:
    objects = [{"id": number, "of": [{"id": 1, "t": "x" * 20}, {"id": 2, "t": "y" * 40}]} for number in range(99)]
    assert read(tmp_path, layout(objects, "compact"), "json", limits=SMALL).rows == objects
    assert len(again) == 1
