"""JSON values and faults; `json.loads` is the oracle for what a value is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column
from pipeline.lake.datasets.names import safe_name
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.json_values import holds
from tests.conftest import SHARED_DATA
from tests.examples import examples
from tests.lake.files.conftest import Reading, read


def lines(*records: str) -> str:
    return "\n".join(records) + "\n"


def test_types_are_jsons_own(reading: Reading) -> None:
    found = reading('{"i":1,"d":1.5,"b":true,"s":"01","n":null,"l":[1,null],"o":{"x":"y"},"e":[]}\n', "jsonl")
    assert found.rows == [{"i": 1, "d": 1.5, "b": True, "s": "01", "n": None, "l": [1, None], "o": {"x": "y"}, "e": []}]
    assert list(found.conversion.columns.values()) == [
        "bigint",
        "double",
        "boolean",
        "string",
        "string",
        "array<bigint>",
        "struct<x:string>",
        "array<string>",
    ]


def test_text_that_looks_like_a_date_stays_text(reading: Reading) -> None:
    assert reading('{"a":"2020-01-01T00:00:00Z"}\n', "json").rows == [{"a": "2020-01-01T00:00:00Z"}]


def test_a_column_that_comes_late_is_kept_and_null_before(reading: Reading) -> None:
    found = reading(lines('{"a":1}', '{"a":2}', '{"b":{"c":[{"d":1}]}}', '{"b":{"c":[{"e":2}]}}'), "jsonl")
    assert found.rows[0] == {"a": 1, "b": None}
    assert found.rows[3] == {"a": None, "b": {"c": [{"d": None, "e": 2}]}}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", '"x"'], ["1", "x"]),
        (["1.10", "true", '"x"', "null"], ["1.10", "true", "x", None]),
        (["1", "2.5"], [1.0, 2.5]),
        (["9007199254740992", "2.5"], [2.0**53, 2.5]),
        (["9007199254740993", "2.5"], ["9007199254740993", "2.5"]),
        (["2.5", "-9007199254740993"], ["2.5", "-9007199254740993"]),
        (["9223372036854775807", "1"], [2**63 - 1, 1]),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"]),
        (["1", "-123456789012345678901234567890"], ["1", "-123456789012345678901234567890"]),
        (["{}", "null"], ["{}", None]),
        (["{}", '{"a":1}'], [{"a": None}, {"a": 1}]),
        (["[1]", '{"a":1.50}'], ["[1]", '{"a":1.50}']),
        (['{"a":1}', '{"a":"x"}'], [{"a": "1"}, {"a": "x"}]),
        (["[1]", '["x"]', "[[]]"], [["1"], ["x"], ["[]"]]),
        (['{"a":1}', '{"A":2}'], ['{"a":1}', '{"A":2}']),
        (["[]", "[null]", "[[1]]"], [[], [None], [[1]]]),
        (["-0", "0.1"], [0.0, 0.1]),
        (["0.1234567890123456789"], ["0.1234567890123456789"]),
        (["0.1234567890123456789", "1", "0.5"], ["0.1234567890123456789", "1", "0.5"]),
        (["299.59158022525935", "-1.0e5"], [299.59158022525935, -1e5]),
        (["0.10000000000000001", "0.5000000000000000000000"], [0.1, 0.5]),
        (["0.1000000000000000055511151231257827021181583404541015625"], [0.1]),
        (["1234567890123.4567"], ["1234567890123.4567"]),
        (["12345678901234567e-3"], ["12345678901234567e-3"]),
        (['{"a":[0.12345678901234567891]}', '{"a":[1]}'], [{"a": ["0.12345678901234567891"]}, {"a": ["1"]}]),
        (["5e-324", "1.7976931348623157e308"], [5e-324, 1.7976931348623157e308]),
        (["1e-400", "1.5"], ["1e-400", "1.5"]),
        (["1.23456e-320"], ["1.23456e-320"]),
        (["0e-400", "0.0E-999"], [0.0, 0.0]),
    ],
)
def test_a_column_takes_the_type_that_holds_all_its_values(
    reading: Reading, values: list[str], expected: list[Any]
) -> None:
    for order in (1, -1):
        records = [f'{{"v":{value}}}' for value in values[::order]]
        for text, form in ((lines(*records), "jsonl"), (f"[{','.join(records)}]", "json")):
            assert [row["v"] for row in reading(text, form).rows] == expected[::order]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("oops", "it is not JSON"),
        ('{"a":1', "it is not JSON"),
        ('{"a":1}{"a":2}', "it is not JSON"),
        ('{"a":1} null', "it is not JSON"),
        ('{"a":01}', "it is not JSON"),
        ('{"a":NaN}', "NaN is not JSON"),
        ('{"a":-Infinity}', "-Infinity is not JSON"),
        ('{"a":1e400}', "too large for a double"),
        ('{"a":1,"a":1}', "key a stands twice in one object"),
        ('{"a":1,"b":{"c":1,"c":2}}', "key c stands twice in one object"),
        ('{"a":1,"b":{"a@b.c":1,"a@b.c":2}}', "a key stands twice in one object"),
        ('{"b":"\\ud800"}', "surrogate"),
        ('{"b":"\\udc00"}', "surrogate"),
        ('{"b":"\x01"}', "it is not JSON"),
        ("[1]", "it is an array, not an object"),
        ("null", "it is null, not an object"),
        ("5", "it is a number, not an object"),
        ('{"b":' + "[" * 100_000 + "]" * 100_000 + "}", "nests too deep"),
    ],
)
def test_a_malformed_line_is_bad_and_its_neighbours_are_not(reading: Reading, row: str, reason: str) -> None:
    limits = {"limits": Limits()} if len(row) > 4000 else {}
    found = reading(lines('{"a":1}', row, '{"a":3}'), "jsonl", **limits)
    assert [record["a"] for record in found.rows] == [1, 3]
    assert found.positions == [1, 3]
    assert found.bad[0]["line"] == 2
    assert reason in found.bad[0]["reason"]
    assert found.bad[0]["raw"] == row


def test_blank_lines_and_spaces_around_records_are_no_rows(reading: Reading) -> None:
    found = reading('\n {"a":1} \r\n\n\t{"a":2}\n  \n', "json")
    assert (found.rows, found.positions) == ([{"a": 1}, {"a": 2}], [2, 4])


@pytest.mark.parametrize("row", ['{"a":NaN}', '{"a":1,"a":2}', '{"a":"\\ud800"}', "7", "null", "[1]"])
def test_an_element_that_is_no_record_is_bad_and_its_neighbours_are_not(reading: Reading, row: str) -> None:
    found = reading(f'[{{"a":1}}, {row} ,{{"a":3}}]', "json")
    assert [record["a"] for record in found.rows] == [1, 3]
    assert found.positions == [1, 3]
    assert [bad["line"] for bad in found.bad] == [2]


@pytest.mark.parametrize(
    ("text", "byte"),
    [
        ('[{"a":1},{"a":}]', 14),
        ('[{"a":1},{"a":2}', 16),
        ('[{"a":1},]', 9),
        ('[{"a":1} {"a":2}]', 9),
        ('[{"a":1}] trailing', None),
        ('[{"a":1}]]', 9),
        ('[{"a":1,"b":"x}]', None),
        ('[{"a":1},,{"a":2}]', 9),
    ],
)
def test_an_array_that_breaks_refuses_the_file_and_says_where(reading: Reading, text: str, byte: int | None) -> None:
    with pytest.raises(
        BadObject, match=r"\(byte \d+ of the text\)" if byte is None else rf"\(byte {byte} of the text\)"
    ):
        reading(text, "json")


def test_a_pretty_printed_array_is_an_array(reading: Reading) -> None:
    records = [{"a": index, "b": [{"c": "},\n  {"}, {"c": "]"}]} for index in range(30)]
    assert reading(json.dumps(records, indent=2), "json").rows == records


@pytest.mark.parametrize("text", ['{\n "a": 1\n}', '{"a": {\n "b": 1}\n}\n'])
def test_an_object_that_spans_lines_is_no_json_line(reading: Reading, text: str) -> None:
    with pytest.raises(BadObject, match=r"spans lines|no row is"):
        reading(text, "jsonl", limits=Limits())


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1}{"a":2}',
        '{"a":1} {"a":2}\n',
        '{\n"a": 1}\n\n{"a":2}\n',
        '{\n "a": 1\n}\n{\n "a": 2\n}',
        '\ufeff{\n "a": 1\n}\n\ufeff{\n "a": 2\n}\n',
        '{"a":1}\r{"a":2}\r',
        '[{"a":1}]\n[{"a":2}]',
        '[{"a":1}][]{"a":2}',
        '[]\n[]{"a":1}\n{"a":2}',
    ],
)
def test_documents_may_follow_each_other(reading: Reading, text: str) -> None:
    found = reading(text, "json")
    assert (found.rows, found.positions, found.bad) == ([{"a": 1}, {"a": 2}], [1, 2], [])


def test_one_pretty_printed_object_is_one_record(reading: Reading) -> None:
    assert reading('{\n  "id": 1,\n  "n": {\n    "a": 1\n  }\n}\n', "json").rows == [{"id": 1, "n": {"a": 1}}]


@pytest.mark.parametrize(
    "text", ['{"a":1}{"a":2} x', '{"a":1}{"a":2},{"a":3}', '{"a":1}{"a":2}}', '{"a":1}{"a":2', "[] 5"]
)
def test_what_stands_between_documents_refuses_the_file(reading: Reading, text: str) -> None:
    with pytest.raises(BadObject, match=r"\(byte \d+ of the text\)"):
        reading(text, "json")


def test_of_documents_too_one_bad_row_costs_itself_alone(reading: Reading) -> None:
    found = reading('{\n"a":1}{"a":NaN}{"a":1,"a":2}{"a":4}', "json")
    assert (found.rows, found.positions) == ([{"a": 1}, {"a": 4}], [1, 4])
    assert [row["reason"] for row in found.bad] == ["NaN is not JSON", "key a stands twice in one object"]


def test_lines_of_two_files_put_together_may_begin_with_a_mark(reading: Reading) -> None:
    text = '\ufeff{"a":1}\n\ufeff{"a":2}\n{"a":3}\n\n \ufeff\ufeff {"a":4}\n'
    found = reading(text, "jsonl")
    assert (found.rows, found.positions, found.bad) == ([{"a": n} for n in (1, 2, 3, 4)], [1, 2, 3, 5], [])


def test_one_object_on_one_line_is_one_record(reading: Reading) -> None:
    assert reading('{"a":1}', "json").rows == [{"a": 1}]


def test_jsonl_takes_no_array(reading: Reading) -> None:
    with pytest.raises(BadObject, match="JSON array"):
        reading('[{"a":1}]', "jsonl")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '"x"\n', "<html>"])
def test_text_that_is_neither_layout_is_refused(reading: Reading, text: str) -> None:
    with pytest.raises(BadObject, match="neither"):
        reading(text, "json")


def test_lines_of_which_none_is_a_record_refuse_the_file(reading: Reading) -> None:
    with pytest.raises(BadObject, match="no row is a JSON object"):
        reading("a,b\n1,2\n", "jsonl")


def test_an_empty_array_is_a_file_without_rows(reading: Reading) -> None:
    found = reading(" [ ]\n", "json", {"a": "int"})
    assert (found.rows, found.conversion.columns) == ([], {"a": "int"})


def test_records_without_keys_are_rows(reading: Reading) -> None:
    assert reading("{}\n{}\n", "jsonl").rows == [{}, {}]


def test_keys_that_collide_refuse_the_file(reading: Reading) -> None:
    with pytest.raises(BadObject, match="columns 1 and 2 have the same name"):
        reading('{"Full Name":1}\n{"full_name":2}\n', "jsonl")


def test_keys_that_collide_are_told_apart_by_their_exact_names(reading: Reading) -> None:
    contract = {"id": "bigint", "id_2": Column.model_validate({"type": "bigint", "from": "ID"})}
    for text, form in (('[{"Id":1,"ID":2},{"ID":4,"Id":3}]', "json"), ('{"ID":2,"Id":1}\n{"Id":3,"ID":4}', "jsonl")):
        assert [{**row} for row in reading(text, form, contract).rows] == [{"id": 1, "id_2": 2}, {"id": 3, "id_2": 4}]


def test_a_key_without_a_name_may_hold_nothing(reading: Reading) -> None:
    found = reading(lines('{"a":1,"":null}', '{"a":2," ":""}', '{"a":3}', '{"a":4,"":0}', '{"":{},"a":5}'), "jsonl")
    assert (found.rows, found.positions) == ([{"a": 1}, {"a": 2}, {"a": 3}], [1, 2, 3])
    assert {row["reason"] for row in found.bad} == {"a value stands under a key without a name"}


def test_a_new_key_refuses_the_file_where_the_dataset_says_so(reading: Reading) -> None:
    with pytest.raises(BadObject, match="on_new_column"):
        reading(lines('{"a":1}', '{"a":1,"b":2}'), "jsonl", {"a": "int"}, on_new_column="reject")


@pytest.mark.thorough
def test_ten_thousand_keys_refuse_the_file_and_strings_of_10_mb_do_not(tmp_path: Path) -> None:
    many = json.dumps({f"k{index}": index for index in range(10_000)})
    with pytest.raises(BadObject, match="more than 2000 different keys"):
        read(tmp_path, f"[{many}]", "json", limits=Limits())
    long = "\\u00e9" * 1_700_000
    found = read(tmp_path, f'[{{"a":"{long}","v":{many}}},{{"a":"b"}}]', "json", limits=Limits())
    assert len(found.rows[0]["a"]) == 1_700_000
    assert json.loads(found.rows[0]["v"])["k9999"] == 9999


@pytest.mark.parametrize("text", ["[]", '{"data":[]}', " [ ] \n"])
def test_a_file_without_records_is_an_empty_table(reading: Reading, text: str) -> None:
    found = reading(text, "json", {"a": "int"}, **({"records": "$.data"} if "data" in text else {}))
    assert (found.rows, found.conversion.columns) == ([], {"a": "int"})


@pytest.mark.parametrize("encoding", ["utf-16-le", "cp1252", "latin-1", "utf-16"])
@pytest.mark.parametrize("text", ['{"a":"é"}\n{"a":"ü"}\n', '[{"a":"é"},\n{"a":"ü"}]', '{\n"a":"é"} {"a":"ü"}'])
def test_json_may_be_in_another_encoding(reading: Reading, text: str, encoding: str) -> None:
    found = reading(text.encode(encoding), "json", encoding=encoding)
    assert (found.rows, found.bad) == ([{"a": "é"}, {"a": "ü"}], [])


def test_the_contract_types_what_json_cannot(reading: Reading) -> None:
    contract = {"d": "date", "t": "timestamp", "m": "decimal(38,20)", "i": "int", "s": "string", "f": "double"}
    row = '{"d":"2020-01-01","t":"2020-01-01T10:00:00+01:00","m":0.12345678901234567890,"i":"7","s":1.10,"f":1}'
    found = reading(lines(row), "jsonl", contract)
    assert found.rows == [
        {
            "d": date(2020, 1, 1),
            "t": datetime(2020, 1, 1, 9, tzinfo=UTC),
            "m": Decimal("0.12345678901234567890"),
            "i": 7,
            "s": "1.10",
            "f": 1.0,
        }
    ]
    assert found.conversion.columns == contract


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "1.5"),
        ("int", "2147483648"),
        ("int", "true"),
        ("double", "9007199254740993"),
        ("boolean", "1"),
        ("date", '"yesterday"'),
        ("decimal(5,2)", "1.555"),
        ("decimal(12,2)", "12345678901"),
        ("decimal(12,2)", "-123456789012"),
        ("decimal(12,2)", "1e38"),
        ("decimal(12,2)", "1.5E+30"),
        ("decimal(20,18)", "11111111111111111111"),
        ("struct<a:array<decimal(4,2)>>", '{"a":[1,100]}'),
        ("decimal(38,10)", "886990516144859843528436867923968"),
        ("array<struct<a:decimal(38,2)>>", '[{"a":7771395013236266951087954555016440874}]'),
        ("array<int>", '{"a":1}'),
        ("struct<a:int>", '{"a":1,"b":2}'),
        ("map<string,int>", '{"a":"x"}'),
    ],
)
def test_a_value_that_the_contract_does_not_take_is_bad(reading: Reading, kind: str, value: str) -> None:
    found = reading(lines('{"v":null}', f'{{"v":{value}}}'), "jsonl", {"v": kind})
    assert found.rows == [{"v": None}]
    assert found.bad[0]["reason"].startswith("column v: ")
    assert f"is not {kind}: " in found.bad[0]["reason"]


def test_nested_types_of_the_contract(reading: Reading) -> None:
    contract = {"v": "array<struct<day:date,amount:decimal(5,2)>>", "m": "map<string,array<int>>"}
    rows = ['{"v":[{"day":"2020-01-01","amount":1.1},null,{}],"m":{"x":[1],"y":null}}', '{"v":[{"Day":"2020-01-02"}]}']
    found = reading(lines(*rows), "jsonl", contract).rows
    assert found[0]["v"] == [
        {"day": date(2020, 1, 1), "amount": Decimal("1.10")},
        None,
        {"day": None, "amount": None},
    ]
    assert found[0]["m"] == [("x", [1]), ("y", None)]
    assert found[1]["v"] == [{"day": date(2020, 1, 2), "amount": None}]


def test_a_declared_column_that_is_always_null_is_not_missing(reading: Reading) -> None:
    assert reading(lines('{"a":1,"b":null}'), "jsonl", {"b": "date"}).rows == [{"a": 1, "b": None}]


def test_too_many_keys_refuse_the_file_but_within_an_object_are_kept_as_text(reading: Reading) -> None:
    many = {f"k{index}": index for index in range(60)}
    limits = Limits(columns=50)
    with pytest.raises(BadObject, match="more than 50 different keys"):
        reading(json.dumps(many), "json", limits=limits)
    assert json.loads(reading(json.dumps({"v": many}), "json", limits=limits).rows[0]["v"]) == many


def test_what_nests_too_deep_is_kept_as_text(reading: Reading) -> None:
    text = '{"v":' + '{"v":' * 20 + "1" + "}" * 20 + "}"
    value = reading(text, "json").rows[0]["v"]
    while isinstance(value, dict):
        value = value["v"]
    assert json.loads(value)


@pytest.mark.parametrize("name", ["memberships", "organizations"])
def test_real_files_arrive_whole(tmp_path: Path, name: str) -> None:
    path = SHARED_DATA / "legislators" / f"{name}.json"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    expected = json.loads(path.read_bytes())
    for limits in (Limits(), Limits(block=50_000, first_sample=1000, row_group=100_000)):
        found = read(tmp_path, path.read_bytes(), "json", limits=limits)
        assert [without_nulls(row) for row in found.rows] == [without_nulls(record) for record in expected]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def same(source: Any, stored: Any) -> bool:
    """Does `stored` hold `source`: the value, or where a conflict made text of it, its JSON? An absent key is null."""
    if source is None or stored is None:
        return source is stored
    if isinstance(source, Decimal):
        return Decimal(stored) == source if isinstance(stored, str) else holds(stored, str(source))
    if isinstance(stored, str):
        return stored == source if isinstance(source, str) else _loaded(stored) == _loaded(dumped(source, True))
    if isinstance(source, dict):
        renamed = {safe_name(key): value for key, value in source.items()}
        return renamed.keys() <= stored.keys() and all(same(renamed.get(key), item) for key, item in stored.items())
    if isinstance(source, list):
        return len(source) == len(stored) and all(map(same, source, stored))
    return (type(source) is type(stored) and bool(source == stored)) or _exact_double(source, stored)


def _loaded(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _exact_double(source: Any, stored: Any) -> bool:
    return type(source) is int and type(stored) is float and int(stored) == source


keys = st.sampled_from(["a", "b", "c", "late_1", "x y"])
decimals = st.builds(
    lambda whole, fraction, exponent: Decimal(f"{whole}.{fraction}{exponent}"),
    st.integers(-(10**12), 10**12),
    st.text("0123456789", min_size=1, max_size=20),
    st.sampled_from(["", "", "E-5", "E+5", "E-330"]),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30])
    | st.floats(allow_nan=False, allow_infinity=False)
    | decimals
    | st.text(max_size=5)
    | st.sampled_from(["2020-01-01", "01", "1", "null", "", "},{", "}{", '"', "\\", "\ufeff", "1.23456789012345678"])
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
records = st.lists(st.dictionaries(keys, values, max_size=4), min_size=1, max_size=10)
like_records = st.lists(
    st.fixed_dictionaries({}, optional={"a": st.integers(), "b": st.floats(-1e9, 1e9), "c": st.text(max_size=3)}),
    min_size=1,
    max_size=25,
)
like_decimals = st.lists(
    st.fixed_dictionaries({"a": st.decimals(-1000, 1000, places=2) | decimals, "b": st.text(max_size=40)}),
    min_size=1,
    max_size=25,
)


def dumped(value: Any, ascii_only: bool) -> str:
    """JSON, decimals with all their digits."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dumped(key, ascii_only)}:{dumped(of, ascii_only)}" for key, of in value.items()) + "}"
    if isinstance(value, list):
        return f"[{','.join(dumped(item, ascii_only) for item in value)}]"
    return json.dumps(value, ensure_ascii=ascii_only)


def pretty(text: str) -> str:
    """The same JSON over many lines; numbers keep their digits."""
    return re.sub(r'"(?:[^"\\]|\\.)*"|[{\[,]', lambda token: token[0] + ("" if token[0][0] == '"' else "\n  "), text)


LAYOUTS: dict[str, Callable[[list[str]], str]] = {
    "lines": lambda texts: lines(*texts),
    "lines with marks": lambda texts: "\ufeff" + "\r\n\ufeff".join(texts),
    "array": lambda texts: f"[{', '.join(texts)}]",
    "array of lines": lambda texts: "[\n" + ",\n".join(texts) + "\n]\n",
    "pretty array": lambda texts: pretty(f"[{','.join(texts)}]"),
    "arrays": lambda texts: "[]" + "".join(f"[{text}]\n" for text in texts),
    "objects": lambda texts: "".join(texts) + "{}",
    "pretty objects": lambda texts: "\n".join(map(pretty, texts)) + "\n{}",
    "wrapped": lambda texts: f'{{"x":{{"d":[{{}}]}},"d":{{"r":[{",".join(texts)}],"s":"]"}},"y":[1,[2]]}}',
    "wrapped lines": lambda texts: "".join(f'{{"d":{{"r":[{text}]}}}}\n' for text in texts),
}


@settings(max_examples=examples(300))
@given(records | like_records | like_decimals, st.sampled_from([*LAYOUTS]), st.integers(1, 60), st.booleans())
def test_every_record_equals_what_json_loads_says(
    source: list[dict[str, Any]], layout: str, block: int, ascii_only: bool
) -> None:
    text = LAYOUTS[layout]([dumped(record, ascii_only) for record in source])
    path = {"records": "$.d.r"} if layout.startswith("wrapped") else {}
    with TemporaryDirectory() as folder:
        whole = read(Path(folder), text, "json", limits=Limits(), **path)
    with TemporaryDirectory() as folder:
        limits = Limits(block=block, first_sample=block, row_group=1)
        cut = read(Path(folder), text, "json", limits=limits, **path)
    assert (cut.rows, cut.positions, cut.conversion) == (whole.rows, whole.positions, whole.conversion)
    assert not whole.bad
    rows = whole.rows[:-1] if "objects" in layout else whole.rows
    for record, row in zip(source, rows, strict=True):
        assert same(record, row)


WRAPPED = [
    '{"data": [{"a": 1}, {"a": 2}], "next": null}',
    '{"meta": {"data": [7], "x": [[1], {"y": "]}"}]}, "n": -1.5e3, "data": [{"a":1},{"a":2}]}',
    '{"data":[{"a":1}]}\n{"data":[]}\n{"data":[{"a":2}]}\n',
    '{"data":{"a":1},"data2":"\\"]"}{"t":true,"data":[ {"a":2} ] }',
    '\ufeff{\n  "data": [\n    {\n      "a": 1\n    },\n    {\n      "a": 2\n    }\n  ],\n  "b": {}\n}\n',
]


@pytest.mark.parametrize("text", WRAPPED)
@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_records_are_found_at_their_path(reading: Reading, text: str, format: str) -> None:
    found = reading(text, format, records="$.data")
    assert (found.rows, found.positions, found.bad) == ([{"a": 1}, {"a": 2}], [1, 2], [])


def test_a_path_may_have_several_steps(reading: Reading) -> None:
    text = '{"items":[{"a":0}],"result":{"x":[1,2,{"items":3}],"items":[{"a":1}],"y":{}},"z":[]}'
    assert reading(text, "json", records="$.result.items").rows == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"b c":2}', r"there is no \$\.data\.items in the object that ends at byte 15"),
        ('{"data":{"a":1}}', r"there is no \$\.data\.items in"),
        ('{"data":[{"items":[]}]}', r"\$\.data is an array, not an object"),
        ('{"data":null}', r"\$\.data is null, not an object"),
        ('{"data":{"items":null}}', r"\$\.data\.items is null, not an array"),
        ('{"data":{"items":"x"}}', r"\$\.data\.items is a string, not an array"),
        ('[{"data":{"items":[]}}]', r"\$\.data\.items is looked for in objects, and here is none"),
        ('{"data":{"items":[]},"data":{"items":[]}}', "key data stands twice in one object"),
        ('{"x":1,"x":2,"data":{"items":[]}}', "a key stands twice in one object"),
        ('{"x":{"y":1,"y":2},"data":{"items":[]}}', "stands twice"),
        ('{"x":NaN,"data":{"items":[]}}', "NaN is not JSON"),
        ('{"x":[1,],"data":{"items":[]}}', "byte"),
        ('{"x":[1 2],"data":{"items":[]}}', "byte"),
        ('{"x":tru,"data":{"items":[]}}', "byte"),
        ('{"data":{"items":[]},}', "here should be a key"),
        ('{"data":{"items":[]}', "here should be a comma or the closing bracket"),
        ('{"data":{"items":[{"a":1}]', "here should be a comma"),
        ('{"data":{"items":[{"a":1}', "the array is not closed"),
        ('{"data":{"items":[]}} x', "is looked for in objects"),
        ('{"data" 5}', "here should be a colon"),
        ('{"data":{"items":[]},"x', "ends within a value"),
    ],
)
def test_a_file_whose_path_or_surroundings_are_wrong_is_refused(reading: Reading, text: str, reason: str) -> None:
    with pytest.raises(BadObject, match=reason):
        reading(text, "json", records="$.data.items")


def test_a_wrapped_array_without_its_path_is_one_record(reading: Reading) -> None:
    found = reading('{"data": [\n{"a":1},\n{"a":2}\n]}\n', "json")
    assert found.rows == [{"data": [{"a": 1}, {"a": 2}]}]


def test_all_rows_bad_for_a_key_twice_refuse_the_file(reading: Reading) -> None:
    with pytest.raises(BadObject, match="key id stands twice in one object"):
        reading('[{"id":1,"id":2}]', "json", {"id": "bigint"})


def test_an_array_of_arrays_is_refused_in_words(reading: Reading) -> None:
    with pytest.raises(BadObject, match="it is an array, not an object"):
        reading('[["a","b"],[1,2]]', "json")


@pytest.mark.parametrize("depth", [1000, 100_000])
def test_deep_nesting_is_a_bad_row(tmp_path: Path, depth: int) -> None:
    deep = '{"b":' + "[" * depth + "]" * depth + "}"
    for text, form in (
        ('{"b":[1]}\n%s\n{"b":[3]}', "jsonl"),
        ('[{"b":[1]},%s,{"b":[3]}]', "json"),
        ('{"b":[1]}%s{"b":[3]}', "json"),
    ):
        found = read(tmp_path, text % deep, form, limits=Limits(first_sample=10))
        assert (found.rows, found.positions) == ([{"b": [1]}, {"b": [3]}], [1, 3])
        assert "nests too deep" in found.bad[0]["reason"]
    found = read(tmp_path, '{"x":%s,"data":[{"b":[1]}]}' % ("[" * 400 + "]" * 400), "json", records="$.data")
    assert found.rows == [{"b": [1]}]


COMMAS = {"decimal": ",", "thousands": ".", "currency": ["€"], "null_values": ["NA", "-999"], "negative_brackets": True}


@pytest.mark.parametrize("filler", ["", "x" * 200])
def test_strings_are_read_as_the_dataset_says_and_numbers_as_jsons_own(reading: Reading, filler: str) -> None:
    contract = {
        "d": "double",
        "m": "decimal(10,2)",
        "i": "bigint",
        "b": Column(type="boolean", true_values=("Y",), false_values=("N",)),
        "t": Column(type="timestamp", format="epoch_seconds"),
        "day": Column(type="date", format="dd.MM.yyyy"),
        "l": "array<double>",
    }
    rows = [
        {
            "d": "1.234,5",
            "m": "(1.000,25) €",
            "i": "7",
            "b": "y",
            "t": 1767225600,
            "day": "31.12.2025",
            "l": ["1,5", 1.5],
        },
        {"d": 1234.5, "m": -1000.25, "i": 7, "b": True, "t": "1767225600", "day": "31.12.2025", "l": [1.5, "1,5"]},
        {"d": "NA", "m": "", "i": -999, "b": None, "t": None, "day": "NA", "l": None},
        {"d": -999, "m": "-999", "i": "-999", "b": "NA", "t": "NA", "day": None, "l": None},
        {"d": 1.5, "m": 1, "i": "1,5", "b": False, "t": 0, "day": "01.01.1970", "l": []},
    ]
    text = "".join(json.dumps({**row, "f": filler}, ensure_ascii=False) + "\n" for row in rows)
    found = reading(text, "jsonl", contract, **COMMAS)
    good = {
        "d": 1234.5,
        "m": Decimal("-1000.25"),
        "i": 7,
        "b": True,
        "t": datetime(2026, 1, 1, tzinfo=UTC),
        "day": date(2025, 12, 31),
        "l": [1.5, 1.5],
    }
    assert [{key: row[key] for key in contract} for row in found.rows] == [good, good, *[dict.fromkeys(contract)] * 2]
    assert found.positions == [1, 2, 3, 4]
    assert "column i: '1,5' is not bigint" in found.bad[0]["reason"]


def test_a_number_may_be_a_null_word(reading: Reading) -> None:
    text = lines(*(f'{{"i":{value},"d":{value}.0,"e":{value}}}' for value in (1, -999, 3)))
    found = reading(text, "jsonl", {"i": "int", "d": "double", "e": "double"}, null_values=["-999", "NA"])
    assert [row["i"] for row in found.rows] == [1, None, 3]
    assert [row["d"] for row in found.rows] == [1.0, -999.0, 3.0]
    assert [row["e"] for row in found.rows] == [1.0, None, 3.0]


@pytest.mark.parametrize(
    ("kind", "value", "null"),
    [
        ("int", "-5", None),
        ("double", "-5", None),
        ("decimal(10,2)", "-5", None),
        ("array<decimal(4,1)>", "[-5]", [None]),
        ("array<int>", "[-5]", [None]),
        ("struct<x:bigint>", '{"x":-5}', {"x": None}),
    ],
)
def test_a_number_is_a_null_word_in_every_type(kind: str, value: str, null: Any, reading: Reading) -> None:
    lines = f'{{"c":{value}}}\n' * 3
    found = reading(lines, "jsonl", {"c": kind}, null_values=["-5"])
    assert [row["c"] for row in found.rows] == [null] * 3


def test_bytes_that_are_not_of_the_encoding_are_kept_as_they_were(reading: Reading) -> None:
    found = reading(b'{"a":"\x80"}\n{"a":"\x81"}\n', "jsonl", encoding="cp1252")
    assert found.rows == [{"a": "€"}]
    assert found.bad[0]["raw"] == '{"a":"\\x81"}'
    assert found.bad[0]["reason"] == "bytes that are no cp1252 (0x81): is the option `encoding` right?"


@pytest.mark.parametrize("cousin", ["ID", " id", "id\u200b", "\ufeffid"])
def test_a_key_that_looks_like_another_is_the_same_column_and_both_in_one_file_are_refused(
    reading: Reading, cousin: str
) -> None:
    assert reading(json.dumps({cousin: 1}), "jsonl").rows == [{"id": 1}]
    for rows in ([{"id": 1, cousin: 2}], [{"id": 1}, {cousin: 2}]):
        with pytest.raises(BadObject, match="columns 1 and 2 have the same name"):
            reading("\n".join(map(json.dumps, rows)), "jsonl")


def test_a_value_under_a_key_of_nothing_that_is_seen_is_not_lost(reading: Reading) -> None:
    found = reading('{"id": 1, "\u200b": 5}\n{"id": 2}\n', "jsonl")
    assert (found.rows, [bad["line"] for bad in found.bad]) == ([{"id": 2}], [1])
