"""Whatever a file holds, it is either refused with a reason or gets a definition under which it reads."""

from __future__ import annotations

import tempfile
from pathlib import Path

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import orc, parquet

from pipeline.core.errors import BadInput
from pipeline.lake.datasets import DatasetName
from pipeline.lake.proposals.proposal import Proposal, propose
from tests.examples import examples

NAME = DatasetName("any", "things")
PIECES = [
    *(
        "id,name\n",
        "1,a\n",
        "\n",
        ",",
        ";",
        "\t",
        '"',
        "'",
        "\\",
        "#x\n",
        "Total",
        "1.234,56",
        "$5",
        "12%",
        "NULL",
        "\r",
    ),
    *(
        "2026-01-31",
        "31.12.2025",
        "01/02/2026",
        "{",
        "}",
        "[",
        "]",
        ":",
        '"a"',
        "null",
        "<a>",
        "</a>",
        "\ufeff",
        "ü",
        "\0",
    ),
]


def proposal_of(name: str, data: bytes) -> Proposal | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        try:
            return propose(path, NAME)
        except BadInput:
            return None


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.sampled_from(["s.csv", "s.txt", "s.json", "s", "s.tsv"]),
)
def test_any_text_is_refused_with_a_reason_or_gets_a_definition(text: str, name: str):
    proposal_of(name, text.encode())


@settings(max_examples=examples(100), deadline=None)
@given(
    st.sampled_from(
        [b"", b"PK\x03\x04", b"PAR1", b"Obj\x01", b"ORC", b"\x1f\x8b", b"BZh9", b"\xff\xfe", b"<?xml ", b"%PDF"]
    ),
    st.binary(max_size=60),
    st.sampled_from(["s.csv", "s.parquet", "s.xlsx", "s.gz", "s.xml"]),
)
def test_any_bytes_are_refused_with_a_reason_or_get_a_definition(start: bytes, rest: bytes, name: str):
    proposal_of(name, start + rest)


TABLE = pa.table({"Größe (cm)": [1.5, 2.5], "id": [1, 2], "day": pa.array([20000, 20001], pa.date32())})
COLUMNS = {"groesse_cm": ("double", "Größe (cm)"), "id": ("bigint", None), "day": ("date", None)}


@pytest.mark.parametrize("kind", ["parquet", "orc"])
def test_a_file_that_has_types_keeps_them_and_its_names(tmp_path: Path, kind: str):
    path = tmp_path / "things.bin"
    (parquet.write_table if kind == "parquet" else orc.write_table)(TABLE, path)
    settings = propose(path, NAME).dataset.stage_a
    assert settings.format == kind
    assert {name: (column.type, column.source) for name, column in settings.columns.items()} == COLUMNS


def test_avro_keeps_its_types(tmp_path: Path):
    path = tmp_path / "things.avro"
    fields = [{"name": "Id", "type": "long"}, {"name": "note", "type": ["null", "string"]}]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "r", "fields": fields}, [{"Id": 1, "note": "x"}])
    settings = propose(path, NAME).dataset.stage_a
    assert {name: column.type for name, column in settings.columns.items()} == {"id": "bigint", "note": "string"}


@pytest.mark.parametrize("text", [":::", "---\n===\n", " \n\t\n", "\n\n"])
def test_a_file_of_lines_that_are_no_rows_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"no rows|is empty") as refused:
        propose(path, NAME)
    assert "Value error" not in str(refused.value)


def test_half_a_character_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(BadInput, match="holds no JSON"):
        propose(path, NAME)


@pytest.mark.parametrize("text", ["<!DOCTYPE html><html><body>404 Not found</body></html>", "\n<HTML>\n<p>a, b</p>\n"])
def test_a_page_in_place_of_a_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match="is an HTML page"):
        propose(path, NAME)
