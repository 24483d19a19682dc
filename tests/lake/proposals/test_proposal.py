"""A proposal is read by `files`, its rules by `quality`, and the sample itself by Stage A under its contract."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cli.samples import write_samples
from pipeline.core.errors import BadInput
from pipeline.lake.datasets import DatasetName
from pipeline.lake.files.conversion import Conversion, convert
from pipeline.lake.proposals.proposal import Proposal, propose
from pipeline.lake.quality.lint import check_ruleset
from tests.conftest import SHARED_DATA
from tests.examples import examples

NAME = DatasetName("shop", "things")


def proposed(folder: Path, file: str, content: str | bytes) -> Proposal:
    path = folder / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return propose(path, NAME)


def types(proposal: Proposal) -> dict[str, str]:
    return {name: column.type for name, column in proposal.dataset.stage_a.columns.items()}


def rules(proposal: Proposal) -> str:
    assert proposal.dataset.quality
    return proposal.dataset.quality.ruleset


def staged(path: Path, proposal: Proposal, folder: Path) -> tuple[Conversion, list[dict[str, Any]]]:
    """What Stage A makes of the file under the proposed contract."""
    with path.open("rb") as source:
        conversion = convert(
            source,
            file_name=path.name,
            settings=proposal.dataset.stage_a,
            contract=proposal.dataset.contract,
            parquet=folder / "out.parquet",
            bad_rows=folder / "bad.jsonl",
            metadata={},
        )
    rows = pyarrow.parquet.read_table(folder / "out.parquet").to_pylist()
    return conversion, [{k: v for k, v in row.items() if not k.startswith("_sluice")} for row in rows]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", "0"], "bigint"),
        (["1", "", "2"], "bigint"),
        (["01234", "99999"], "string"),
        (["+1", "2"], "bigint"),
        ([".5", " 5", "+2.25"], "double"),
        (["+4917012345", "+4917012346"], "string"),
        (["1.9", "1.10"], "string"),
        (["12E3", "45E7"], "string"),
        (["1E5", "2e-3"], "double"),
        (["12345678901234567890", "12345678901234567891"], "string"),
        (["9223372036854775808"], "decimal(38,0)"),
        (["1" * 39], "string"),
        (["1.50", "20.99"], "decimal(18,2)"),
        (["1.5", "20.99", "3"], "double"),
        (["1e3", "2.5"], "double"),
        (["0.1234567890123456789", "1.5"], "decimal(38,19)"),
        (["NaN", "1.5"], "string"),
        (["true", "False"], "boolean"),
        (["0", "1"], "bigint"),
        (["yes", "no"], "boolean"),
        (["Y", "Y"], "string"),
        (["2024-02-29", "2023-12-31"], "date"),
        (["2023-02-29", "2023-12-31"], "string"),
        (["2024-02-29T10:00:00Z", "2024-02-29 10:00:00.123456+01:00"], "timestamp"),
        (["9999-12-31 23:59:59"], "timestamp"),
        ([" 2025-01-01", "2025-01-02"], "date"),
        (["2024-02-29T10:00:00.1234567Z"], "string"),
        (["2024-02-29", "2024-02-29T10:00:00Z"], "string"),
        (["1", "x"], "string"),
        (["", ""], "string"),
    ],
)
def test_a_csv_column_gets_the_strictest_type_that_loses_nothing(tmp_path: Path, values: list[str], expected: str):
    content = "a,value\n" + "".join(f"r{n},{value}\n" for n, value in enumerate(values))
    assert types(proposed(tmp_path, "s.csv", content))["value"] == expected


def test_digits_that_name_something_stay_text(tmp_path: Path):
    proposal = proposed(tmp_path, "s.csv", "zip,phone_work,amount\n94107,5551234,10\n10001,5559999,20\n")
    assert types(proposal) == {"zip": "string", "phone_work": "string", "amount": "bigint"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], "bigint"),
        ([1, 2.5], "double"),
        ([2**53 + 1, 2.5], "decimal(38,1)"),
        (["1", "2"], "string"),
        ([True, None], "boolean"),
        (["2024-01-01"], "date"),
        ([1, "x"], "string"),
        ([[1, 2], []], "array<bigint>"),
        ([[], []], "array<string>"),
        ([{"A b": 1}, {"c": [{"d": "x"}]}], "struct<a_b:bigint,c:array<struct<d:string>>>"),
        ([{}], "string"),
        ([{"a": 1}, [1]], "string"),
        ([{"a": 1, "A": 2}], "string"),
        ([{f"k{n}": n} for n in range(30)], "map<string,bigint>"),
    ],
)
def test_a_json_column_keeps_jsons_types(tmp_path: Path, values: list[Any], expected: str):
    lines = "".join(f"{json.dumps({'value': value})}\n" for value in values)
    assert types(proposed(tmp_path, "s.jsonl", lines)) == {"value": expected}
    assert types(proposed(tmp_path, "s.json", json.dumps([{"value": value} for value in values])))["value"] == expected


def test_a_column_that_records_lack_is_optional_and_one_that_is_null_is_not(tmp_path: Path):
    proposal = proposed(tmp_path, "s.jsonl", '{"a": 1, "b": null}\n{"b": 2, "c": [1]}\n')
    columns = proposal.dataset.stage_a.columns
    assert {name: column.optional for name, column in columns.items()} == {"a": True, "b": False, "c": True}
    assert "a: {type: bigint, optional: true}  # in 1 of 2 records" in proposal.text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str):
    number = "2.5" if delimiter == "," else "2,5"
    content = f'a{delimiter}"b{delimiter}x"\n1{delimiter}{number}\n3{delimiter}{number}\n'
    proposal = proposed(tmp_path, "s.csv", content)
    assert proposal.dataset.stage_a.delimiter == delimiter
    assert len(types(proposal)) == 2


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("s.csv", "a,b\n1,2\n", "csv"),
        ("s.json", '[{"a": 1}]', "json"),
        ("s.json", '{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("s.ndjson", '{"a": 1}\n', "jsonl"),
        ("s.jsonl.gz", gzip.compress(b'{"a": 1}\n'), "jsonl"),
        ("s.csv", gzip.compress(b"a,b\n1,2\n"), "csv"),
        ("s.csv", b"\xef\xbb\xbfa,b\n1,2\n", "csv"),
        ("s.csv", "a,b\n1,2\n".encode("utf-16"), "csv"),
    ],
)
def test_the_format_is_found_by_name_and_content(tmp_path: Path, file: str, content: str | bytes, expected: str):
    proposal = proposed(tmp_path, file, content)
    assert proposal.dataset.stage_a.format == expected
    assert next(iter(types(proposal))) == "a"


def rows_of(count: int) -> str:
    return "".join(f"A{n},x{n}\n" for n in range(count))


def test_the_datasets_own_id_is_the_key_where_many_rows_show_it(tmp_path: Path):
    proposal = proposed(tmp_path, "s.csv", f"thing_id,note\n{rows_of(200)}")
    assert (proposal.dataset.table.write, proposal.dataset.table.key) == ("upsert", ("thing_id",))
    assert 'IsUnique "thing_id"' in rules(proposal)


def test_a_few_rows_show_no_key_and_it_is_only_told(tmp_path: Path):
    proposal = proposed(tmp_path, "s.csv", "thing_id,note\nA1,x\nA2,x\nA3,x\n")
    assert (proposal.dataset.table.write, proposal.dataset.table.key) == ("append", ())
    assert "IsUnique" not in proposal.text
    assert "key: [thing_id]" in proposal.text


@pytest.mark.parametrize("column", ["customer_id", "product_code", "number", "note"])
def test_an_id_of_something_else_is_no_key_however_often_it_stands_once(tmp_path: Path, column: str):
    proposal = proposed(tmp_path, "s.csv", f"{column},note2\n{rows_of(500)}")
    assert proposal.dataset.table.write == "append"
    assert "key:" not in proposal.text.replace("name a key.", "")


@pytest.mark.parametrize("last", ["A1,y", ",y"])
def test_an_own_id_that_is_missing_or_stands_twice_is_no_key(tmp_path: Path, last: str):
    proposal = proposed(tmp_path, "s.csv", f"id,v\n{rows_of(200)}{last}\n")
    assert proposal.dataset.table.write == "append"


def test_rules_hold_for_the_sample(tmp_path: Path):
    lines = "".join(f"N{n},{('red', 'green')[n % 2]},{'' if n == 3 else n},ref-{n % 2}\n" for n in range(20))
    found = rules(proposed(tmp_path, "s.csv", f"id,colour,size,ref_id\n{lines}"))
    assert "RowCount > 0" in found
    assert 'ColumnValues "colour" in ["green", "red"]' in found
    assert 'IsComplete "colour"' in found
    assert '"size"' not in found
    assert 'ColumnValues "ref_id"' not in found


def test_odd_column_names_and_values_still_make_a_definition(tmp_path: Path):
    header = 'No,"Order ID",true,"a\nb",Größe'
    rows = "".join(f'{n},{n},"x""{n % 2}",y,z\n' for n in range(20))
    proposal = proposed(tmp_path, "s.csv", f"{header}\n{rows}")
    assert list(types(proposal)) == ["no", "order_id", "true", "a_b", "groesse"]
    assert "# 'Order ID' in the file" in proposal.text
    assert proposal.dataset.stage_a.columns["groesse"].source == "Größe"


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("s.csv", "", "is empty"),
        ("s.csv", "a,b\n", "has no rows"),
        ("s.json", "[1, 2]", "holds no JSON objects"),
        ("s.json", '[{"a": 1}', "is not JSON"),
        ("s.json", '"x"', "is no JSON of records"),
        ("s.csv.gz", gzip.compress(b"a,b\n1,2\n" * 100)[:30], "the gzip data ends early"),
        ("s.csv", b"%PDF-1.4\n", "is a PDF document"),
    ],
)
def test_a_file_that_shows_nothing_is_refused_with_the_reason(
    tmp_path: Path, file: str, content: str | bytes, expected: str
):
    with pytest.raises(BadInput, match=expected):
        proposed(tmp_path, file, content)


def test_rows_that_cannot_be_read_are_counted_and_left_out(tmp_path: Path):
    assert "# Left out: 1 rows" in proposed(tmp_path, "s.csv", "a,b\n1,2\n3\n4,5\n").text
    assert "# Left out: 2 rows" in proposed(tmp_path, "s.jsonl", '{"a": 1}\n{"a": \n[1]\n').text


@pytest.mark.parametrize("name", ["memberships", "organizations"])
def test_real_files_pass_their_own_proposed_contract(tmp_path: Path, name: str):
    path = SHARED_DATA / "legislators" / f"{name}.json"
    if not path.exists():
        pytest.skip("the shared data is not here")
    proposal = propose(path, DatasetName("legislators", name))
    conversion, rows = staged(path, proposal, tmp_path)
    assert (conversion.rows_bad, conversion.rows_in) == (0, len(json.loads(path.read_text())))
    columns = {column: column_.type for column, column_ in proposal.dataset.contract.items()}
    assert not check_ruleset(rules(proposal), columns)
    if name == "memberships":
        assert proposal.dataset.table.write == "append"
        assert rows


def test_the_demos_files_pass_their_own_proposed_contract(tmp_path: Path):
    samples = write_samples(tmp_path)
    for path in (samples.customers, samples.customers_changed, samples.orders, samples.orders_compressed):
        proposal = propose(path, NAME)
        conversion, _ = staged(path, proposal, tmp_path)
        assert conversion.rows_bad == 0, path
        columns = {name: column.type for name, column in proposal.dataset.contract.items()}
        assert not check_ruleset(rules(proposal), columns)


CELLS = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9).map(str),
    st.floats().map(repr),
    st.booleans().map(str),
    st.dates().map(date.isoformat),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
)
"""Every kind of cell, and mixtures in one column."""


def _same(cell: str, value: object) -> bool:
    """Whether a typed value is the cell's, by a reading of its own."""
    match value:
        case None:
            return cell == ""
        case bool():
            return cell.lower() == str(value).lower()
        case int() | Decimal():
            return Decimal(cell) == value
        case float():
            return float(cell) == value and Decimal(repr(value)) == Decimal(cell)
        case datetime():
            return datetime.fromisoformat(cell).replace(tzinfo=UTC) == value
        case date():
            return date.fromisoformat(cell) == value
    return cell == value


@settings(max_examples=examples(60))
@given(st.data())
def test_any_csv_passes_its_own_proposed_contract_and_keeps_every_value(data: st.DataObject):
    kinds = data.draw(st.lists(st.sampled_from(CELLS.original_strategies), min_size=1, max_size=4))
    rows = data.draw(st.lists(st.tuples(st.just("k"), *kinds), min_size=1, max_size=12))
    # A name such as c1 might be a code: of a file of one row nobody knows.
    names = ["first", "second", "third", "fourth", "fifth"][: 1 + len(kinds)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.csv")
        path.write_text(text.getvalue(), newline="")
        proposal = propose(path, NAME)
        conversion, out = staged(path, proposal, Path(folder))
    assert conversion.rows_bad == 0
    read = proposal.dataset.stage_a
    for row, found in zip(rows, out, strict=True):
        cells = ["" if cell in read.null_values else cell.strip() if read.trim else cell for cell in row]
        assert all(_same(cell, value) for cell, value in zip(cells, found.values(), strict=True)), (row, found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=("Cs",)), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "B", "c d"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=examples(60))
@given(st.lists(st.dictionaries(st.sampled_from(["id", "x", "Y z"]), JSON, min_size=1), min_size=1, max_size=8))
def test_any_json_lines_pass_their_own_proposed_contract(records: list[dict[str, Any]]):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.jsonl")
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        proposal = propose(path, NAME)
        conversion, _ = staged(path, proposal, Path(folder))
        bad = Path(folder, "bad.jsonl").read_text() if conversion.rows_bad else ""
    assert conversion.rows_bad == 0, (bad, proposal.text)


@pytest.mark.parametrize("name", ["no", "2024_id", "true_id", "key"])
def test_a_key_that_yaml_would_read_as_something_else_is_a_name_still(tmp_path: Path, name: str):
    proposal = proposed(tmp_path, "a.csv", f"{name},x\nA1,1\nA2,2\n")
    assert proposal.columns[0].name == name
    assert list(types(proposal)) == [name, "x"]


def test_what_is_doubtful_about_a_column_is_said(tmp_path: Path):
    proposal = proposed(tmp_path, "a.csv", "id,plz,note,when,same\nA1,01234,,2026-01-01 10:00:00,x\nA2,04567,a,,x\n")
    told = {column.name: column.doubt for column in proposal.columns}
    assert (told["id"], told["plz"]) == ("", "a string, so that leading zeros stay")
    assert "1 of 2 rows have no value" in told["note"]
    assert "UTC" in told["when"]
    assert told["same"] == "one value in all rows that have any"
    assert proposal.read == "csv, cut by commas, all 2 rows"


def test_the_scope_of_uniqueness_is_said_where_there_is_a_key(tmp_path: Path):
    proposal = proposed(tmp_path, "a.csv", f"id,x\n{rows_of(150)}")
    assert proposal.dataset.quality
    assert proposal.dataset.quality.scope == "batch"
    assert "finds what an earlier batch loaded" in proposal.text
