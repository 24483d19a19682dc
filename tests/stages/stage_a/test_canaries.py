"""No cell of a file stands in the reason that it is refused for, as the catalog has it; rows set aside keep theirs."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column
from tests.examples import examples
from tests.lake.files.conftest import read

CANARY = "zq7canary"
SHOUTED = CANARY.upper()
DIGITS = "90071992547409931"
SECRETS = (CANARY, SHOUTED, DIGITS)

CSVS = {
    "headerless": f"{CANARY},{DIGITS}\n{CANARY},2\n",
    "headerless with one repeated cell": f"{CANARY},{CANARY}\n",
    "headerless with cells that are alike": f"{CANARY},{SHOUTED}\n",
    "headerless with a long cell": f"{CANARY * 40},1\n",
    "headerless with an empty cell": f"{CANARY},\n",
    "headerless with a name of ours": f"_sluice_{CANARY},1\n",
    "wrong delimiter": f"{CANARY};{DIGITS}\n",
    "one column": f"{CANARY}\n1\n",
    "misplaced quote in the header": f'"{CANARY}"x,1\n',
    "ragged": f"id,name\n1,{CANARY},{CANARY}\n",
    "bad type": f"id,name\n{CANARY},{CANARY}\n{DIGITS},b\n",
    "open quote": f'id,name\n1,"{CANARY}\n',
    "NUL": f"id,name\n1,{CANARY}\0\n",
}
JSONS = {
    "no object": f'"{CANARY}"\n',
    "no JSON": f"{CANARY}\n",
    "cut": f'{{"id": "{CANARY}\n',
    "key twice": f'{{"{CANARY}": 1, "{CANARY}": 2}}\n',
    "key twice inside": f'{{"id": {{"{CANARY}": 1, "{CANARY}": 2}}}}\n',
    "keys alike": f'{{"{CANARY}": 1, "{SHOUTED}": 2}}\n',
    "undeclared keys": f'{{"{CANARY}": 1}}\n',
    "long key": f'{{"{CANARY * 40}": 1}}\n',
    "key of ours": f'{{"_sluice_{CANARY}": 1}}\n',
    "bad type": f'{{"id": "{CANARY}", "name": "{CANARY}"}}\n',
    "bad number": f'{{"id": 1e{DIGITS}}}\n',
    "number that no double is": f'{{"id": {DIGITS}}}\n',
    "object": f'{{"id": {{"{CANARY}": "{CANARY}"}}}}\n',
    "list": f'{{"id": ["{CANARY}", {DIGITS}]}}\n',
    "escape": f'{{"id": "{CANARY}\\q"}}\n',
    "constant": f'{{"id": NaN, "name": "{CANARY}"}}\n',
    "surrogate": f'{{"id": "{CANARY}\\ud800"}}\n',
}
ARRAYS = {name: f"[{text.strip()}]" for name, text in JSONS.items()} | {
    "broken array": f'[{{"id": 1}}, {CANARY}]',
    "open array": f'[{{"id": "{CANARY}"}}',
    "begins otherwise": f"{CANARY} [1]",
}
FILES = [
    (form, name, text)
    for form, files in (("csv", CSVS), ("jsonl", JSONS), ("json", JSONS), ("json", ARRAYS))
    for name, text in files.items()
]
TYPES = (
    "int",
    "bigint",
    "double",
    "float",
    "boolean",
    "decimal(10,2)",
    "date",
    "timestamp",
    "array<int>",
    "map<int,int>",
    "struct<a:int>",
)
CONTRACTS: dict[str, dict[str, Any]] = {
    **{kind: {"id": kind} for kind in TYPES},
    "optional": {"id": Column(type="int", optional=True)},
    "none": {},
}
ENCODED = {
    "Latin-1": lambda text: text.replace("canary", "canaryé").encode("latin-1"),
    "UTF-16 without mark": lambda text: text.encode("utf-16-le"),
    "cut UTF-16": lambda text: b"\xff\xfe" + text.encode("utf-16-le") + b"\xd8",
    "cut gzip": lambda text: gzip.compress(text.encode())[:-6],
    "gzip and more": lambda text: gzip.compress(text.encode()) + text.encode(),
    "gzip of another sum": lambda text: gzip.compress(text.encode())[:-8] + b"zq7canar",
    "Parquet": lambda text: b"PAR1" + text.encode(),
    "gzip by name": lambda text: text.encode(),
}


def refusal(folder: Path, data: bytes | str, form: str, contract: dict[str, Any], **more: Any) -> str:
    try:
        read(folder, data, form, contract, on_bad_row="reject_file", **more)
    except BadObject as error:
        return f"{error.message} {error.hint}"
    return ""


def holds_no_cell(text: str) -> bool:
    return not any(secret in text or secret[:4] in text for secret in SECRETS)


@pytest.mark.thorough
@pytest.mark.parametrize(("form", "name", "text"), FILES, ids=[f"{form}-{name}" for form, name, _ in FILES])
def test_no_reason_holds_a_cell(
    form: str, name: str, text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = {kind: refusal(tmp_path, text, form, contract) for kind, contract in CONTRACTS.items()}
    assert any(told.values())
    assert {kind: reason for kind, reason in told.items() if not holds_no_cell(reason)} == {}
    assert holds_no_cell(caplog.text)


@pytest.mark.thorough
@pytest.mark.parametrize("encoding", ENCODED)
def test_nor_where_the_bytes_are_not_what_they_should_be(encoding: str, tmp_path: Path) -> None:
    name = {"name": "a.gz"} if encoding == "gzip by name" else {}
    for form, _, text in FILES:
        assert holds_no_cell(refusal(tmp_path, ENCODED[encoding](text), form, {"id": "int"}, **name))


@given(
    form=st.sampled_from(["csv", "jsonl", "json"]),
    parts=st.lists(st.sampled_from([*SECRETS, *',;"\n\\{}[]:|\t', "id", "1", "null", '"', "\ud7ff", "-"]), max_size=30),
    kind=st.sampled_from(TYPES),
)
@settings(max_examples=examples(200))
def test_nor_whatever_else_the_file_is(
    form: str, parts: list[str], kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert holds_no_cell(refusal(tmp_path_factory.getbasetemp(), "".join(parts), form, {"id": kind}))


def test_a_row_that_is_set_aside_keeps_its_content(tmp_path: Path) -> None:
    [bad] = read(tmp_path, f"id,name\n{CANARY},b\n", "csv", {"id": "int"}).bad
    assert bad == {"line": 2, "reason": f"column id: {CANARY!r} is not int: it is not an integer", "raw": f"{CANARY},b"}


def test_a_file_without_header_is_told_as_such(tmp_path: Path) -> None:
    told = refusal(tmp_path, f"{CANARY},2\n", "csv", {"id": "int", "name": "string"})
    assert told.startswith("the header lacks id, name; it has 2 columns, none of which the dataset declares")
    assert "Is its first line a row?" in told
    told = refusal(tmp_path, f"{CANARY},id\n", "csv", {"id": "int", "name": "string"})
    assert told.startswith("the header lacks name; it has 2 columns, of which the dataset declares id")
