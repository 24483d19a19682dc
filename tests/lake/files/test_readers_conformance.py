"""What every format must do. A new format needs a line in `formats` and passes all of this."""

from __future__ import annotations

import codecs
import gzip
import json

import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers import READERS
from tests.lake.files.conftest import TINY, Reading
from tests.lake.files.formats import FORMATS, TEXTS, Format

ROWS = [("1", "Ada"), ("02", "Grace"), ("3", "Zoë 😀")]
EXPECTED = [{"id": key, "name": name} for key, name in ROWS]


TEXT = pytest.mark.parametrize("form", TEXTS, indirect=True, ids=lambda form: form.name)


@pytest.fixture(params=FORMATS, ids=lambda form: form.name)
def form(request: pytest.FixtureRequest) -> Format:
    found: Format = request.param
    return found


@pytest.fixture
def reading(reading: Reading, form: Format) -> Reading:
    """With the options that a dataset of the format has to have."""
    return lambda *arguments, **options: reading(*arguments, **{**form.options, **options})


def test_every_format_is_here() -> None:
    assert {form.name for form in FORMATS} == set(READERS)


def test_rows_arrive_in_order_with_their_positions_under_safe_names(form: Format, reading: Reading) -> None:
    found = reading(form.data(*ROWS), form.name)
    assert found.rows == EXPECTED
    assert found.positions == [form.first, form.first + 1, form.first + 2]
    assert found.conversion.columns == {"id": "string", "name": "string"}


def test_metadata_stands_in_the_file(form: Format, reading: Reading) -> None:
    assert pq.read_metadata(reading(form.data(*ROWS), form.name).file).metadata[b"source"] == b"s3://raw/file"


@TEXT
def test_the_last_line_end_does_not_matter(form: Format, reading: Reading) -> None:
    assert reading(form.text(*ROWS).rstrip("\n"), form.name).rows == EXPECTED


@TEXT
def test_crlf_is_a_line_end(form: Format, reading: Reading) -> None:
    found = reading(form.text(*ROWS).replace("\n", "\r\n"), form.name)
    assert (found.rows, found.positions[0]) == (EXPECTED, form.first)


@TEXT
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_a_byte_order_mark_says_the_encoding(form: Format, reading: Reading, mark: bytes, encoding: str) -> None:
    assert reading(mark + form.text(*ROWS).encode(encoding), form.name).rows == EXPECTED


@TEXT
def test_utf16_without_its_mark_is_refused(form: Format, reading: Reading) -> None:
    with pytest.raises(BadObject, match="byte-order mark"):
        reading(form.text(*ROWS).encode("utf-16-le"), form.name)


@TEXT
def test_utf16_cut_in_the_middle_of_a_character_is_refused(form: Format, reading: Reading) -> None:
    with pytest.raises(BadObject, match="not valid utf-16"):
        reading(codecs.BOM_UTF16_LE + form.text(*ROWS).encode("utf-16-le") + b"x", form.name)


@pytest.mark.parametrize("name", ["file.gz", "FILE.GZ", "no-suffix"])
def test_gzip_is_told_by_its_bytes(form: Format, reading: Reading, name: str) -> None:
    assert reading(gzip.compress(form.data(*ROWS)), form.name, name=name).rows == EXPECTED


def test_gzip_of_several_members_is_read_to_the_end(form: Format, reading: Reading) -> None:
    text = form.data(*ROWS)
    assert reading(gzip.compress(text[:9]) + gzip.compress(text[9:]), form.name).rows == EXPECTED


def test_a_name_that_says_gzip_and_bytes_that_do_not_are_refused(form: Format, reading: Reading) -> None:
    with pytest.raises(BadObject, match="not gzip"):
        reading(form.data(*ROWS), form.name, name="file.gz")


@pytest.mark.parametrize("cut", [1, 8, 12, 30])
def test_a_truncated_gzip_is_refused(form: Format, reading: Reading, cut: int) -> None:
    with pytest.raises(BadObject, match="gzip"):
        reading(gzip.compress(form.data(*ROWS * 50))[:-cut], form.name)


def test_a_corrupt_gzip_is_refused(form: Format, reading: Reading) -> None:
    packed = bytearray(gzip.compress(form.data(*ROWS * 50)))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(BadObject, match="gzip"):
        reading(bytes(packed), form.name)


def test_a_gzip_that_grows_beyond_reason_is_refused(form: Format, reading: Reading) -> None:
    if form.name == "avro":
        pytest.skip("it is read block by block, and refused for the first that is none")
    packed = gzip.compress(form.data(*ROWS) + b"\n" * 1_000_000)
    with pytest.raises(BadObject, match="grows to more than 20 times"):
        reading(packed, form.name, limits=Limits(block=1 << 16, expansion=20, expansion_floor=1 << 16))


@TEXT
@pytest.mark.parametrize(
    "magic", [b"PAR1\x15\x04rest", b"Obj\x01rest", b"ORC\n\x03\0", b"%PDF-1.7", b"7z\xbc\xaf\x27\x1c\0\4"]
)
def test_another_format_is_named(form: Format, reading: Reading, magic: bytes) -> None:
    with pytest.raises(BadObject, match="the file is"):
        reading(magic, form.name)


def test_an_empty_file_is_refused(form: Format, reading: Reading) -> None:
    with pytest.raises(BadObject, match="empty"):
        reading(b"", form.name)


def test_a_value_that_breaks_the_contract_costs_its_row_only(form: Format, reading: Reading) -> None:
    found = reading(form.data(("1", "a"), ("x" * 100, "b"), ("3", "c")), form.name, {"id": "int"})
    assert found.rows == [{"id": 1, "name": "a"}, {"id": 3, "name": "c"}]
    assert found.positions == [form.first, form.first + 2]
    (bad,) = found.bad
    assert bad["line"] == form.first + 1
    assert bad["reason"] == f"column id: '{'x' * 60}…' is not int: it is not an integer"
    assert "x" * 100 in bad["raw"]


def test_every_broken_column_of_a_row_is_in_its_reason(form: Format, reading: Reading) -> None:
    (bad,) = reading(form.data(("x", "y")), form.name, {"id": "int", "name": "date"}).bad
    assert "column id: " in bad["reason"]
    assert "column name: " in bad["reason"]


def test_reject_file_refuses_at_the_first_bad_row_and_says_why(form: Format, reading: Reading) -> None:
    with pytest.raises(BadObject, match=f"line {form.first}: column id: a value is not int"):
        reading(form.data(("x", "a"), ("1", "b")), form.name, {"id": "int"}, on_bad_row="reject_file")


def test_a_declared_column_that_is_missing_refuses_the_file_by_name(form: Format, reading: Reading) -> None:
    with pytest.raises(BadObject, match="age, born"):
        reading(form.data(*ROWS), form.name, {"id": "string", "age": "int", "born": "date"})


def test_an_optional_column_that_is_missing_is_null_at_the_end(form: Format, reading: Reading) -> None:
    found = reading(form.data(("1", "a")), form.name, {"age": Column(type="int", optional=True)})
    assert found.rows == [{"id": "1", "name": "a", "age": None}]
    assert found.conversion.columns["age"] == "int"


def test_names_that_collide_refuse_the_file_and_their_places_are_told(form: Format, reading: Reading) -> None:
    with pytest.raises(BadObject, match="columns 1 and 2 have the same name"):
        reading(form.data(*ROWS, names=("NAME", "Name")), form.name)


@pytest.mark.parametrize(
    ("name", "why"), [("_Sluice_row", "2 begins with '_sluice'"), ("_Pos", "2 has the name of Iceberg's own '_pos'")]
)
def test_names_of_sluices_and_icebergs_own_are_refused(form: Format, reading: Reading, name: str, why: str) -> None:
    with pytest.raises(BadObject, match=f"column {why}"):
        reading(form.data(*ROWS, names=("id", name)), form.name)


@TEXT
def test_a_row_that_is_too_long_refuses_the_file(form: Format, reading: Reading) -> None:
    with pytest.raises(BadObject, match="longer than 4096"):
        reading(form.text(("1", "a" * 10_000), ("2", "b")), form.name, limits=TINY)


@TEXT
def test_bytes_that_are_no_utf8_cost_their_row_only(form: Format, reading: Reading) -> None:
    data = form.text(("1", "a"), ("2", "@"), ("3", "ü")).encode().replace(b"@", b"\xff")
    found = reading(data, form.name)
    assert [row["id"] for row in found.rows] == ["1", "3"]
    assert found.bad[0]["line"] == form.first + 1
    assert "UTF-8" in found.bad[0]["reason"]
    assert "\\xff" in found.bad[0]["raw"]


@pytest.mark.thorough
def test_a_cell_of_10_mb_survives(form: Format, reading: Reading) -> None:
    if form.name == "xlsx":
        pytest.skip("a cell of a sheet has at most 32,767 characters")
    cell = "0123456789" * 1_000_000
    assert reading(form.data(("1", cell), ("2", "b")), form.name, limits=Limits()).rows[0]["name"] == cell


def test_nothing_else_is_left_beside_the_parquet(form: Format, reading: Reading) -> None:
    file = reading(form.data(*ROWS), form.name).file
    assert {path.name for path in file.parent.iterdir()} == {"out.parquet", "bad.jsonl"}


def test_bad_rows_are_json_lines(form: Format, reading: Reading) -> None:
    found = reading(form.data(("x", "1")), form.name, {"id": "int"})
    assert json.loads((found.file.parent / "bad.jsonl").read_text()).keys() == {"line", "reason", "raw"}
