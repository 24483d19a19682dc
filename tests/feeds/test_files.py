"""Contracts in files: what is wrong is said with file, line, column and field, and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipeline.core.definitions.problems import BadDefinitions
from pipeline.feeds.files import FOLDER, parse, read_all
from pipeline.feeds.schema import FILE, schema, text
from tests.conftest import ROOT
from tests.feeds.contracts import TRANSACTIONS

GOOD = """\
feed: payments
key_holder: Data protection officer
source:
  table: payments
  key: [id]
target:
  table: payments
  key: [id]
namespaces:
  person: {identifier: email}
columns:
  id: text
  person: {from: customer.email, pseudonymise: person}
  month: {from: booked, type: date, generalise: month}
dropped: [note]
"""


def put(root: Path, name: str, content: str) -> None:
    path = root / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def problems(content: str) -> list[str]:
    with pytest.raises(BadDefinitions) as raised:
        parse(content.encode(), "f.yaml")
    return raised.value.message.splitlines()


def test_a_good_file_is_read_with_its_path(tmp_path: Path):
    put(tmp_path, "payments.yaml", GOOD)
    (found,) = read_all(tmp_path).or_raise()
    assert (found.feed.feed, found.path) == ("payments", "definitions/feeds/payments.yaml")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id: text", "id: txt", "12:3: columns.id.type: 'txt' is none of"),
        ("id: text", "id: {typ: text}", "12:8: columns.id.typ: is unknown; did you mean 'type'?"),
        ("id: text", "id: 12", "12:3: columns.id: a column is a type such as text, or {type: …, from: …}, and this"),
        ("generalise: month", "generalise: 3", "14:37: columns.month.generalise: generalise is one of day, week"),
        ("generalise: month", "generalise: mnth", "14:37: columns.month.generalise.to: 'mnth' is none of"),
        ("pseudonymise: person", "pseudonymise: people", "13:3: columns.person: person is pseudonymised under people,"),
        (
            "[id]\nnames",
            "[month]\nnames",
            "8:3: target.key: month, of the target's key, is not made of a key attribute",
        ),
        ("[note]", "[id]", "12:3: columns.id: id is dropped, and a column as well"),
        ("identifier: email", "identifier: mail", "10:12: namespaces.person.identifier: 'mail' is none of text, email"),
        ("identifier: email", "method: sha256", "10:3: namespaces.person: method: sha256 needs the name of its secret"),
        ("from: customer.email", "from: a..b", "13:12: columns.person.from: 'a..b' is no way to an attribute"),
        ("key_holder: Data protection officer\n", "", "1:1: key_holder: is missing"),
        ("  id: text", "  Id: text", "12:3: columns.Id: 'Id' is no name here: use lower-case"),
        (
            "  table: payments\n  key: [id]\nt",
            "  table: a b\n  key: [id]\nt",
            "4:3: source.table: 'a b' is no name of a DynamoDB table",
        ),
        ("  id: text", "  sluice_x: text", "12:3: columns.sluice_x: sluice_x begins as the feed's own columns do"),
        ("dropped: [note]", "dropped: note", "15:1: dropped: "),
    ],
)
def test_an_error_says_where_and_what_to_write(old: str, new: str, expected: str):
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert [each for each in found if each.startswith(f"f.yaml:{expected}")], found


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("id: {pseudonymise: person}", "12:3: columns.id: several spellings are one in person, so that two of the key"),
        ("id: {type: timestamp}", "12:3: columns.id: several spellings are one moment, so that two of the key"),
    ],
)
def test_a_key_of_which_two_could_become_one_is_refused(tmp_path: Path, key: str, expected: str):
    put(tmp_path, "payments.yaml", GOOD.replace("id: text", key))
    (problem,) = read_all(tmp_path).problems
    assert expected in str(problem)
    good = GOOD.replace("id: text", key).replace("email}", "exact}").replace("timestamp", "bigint")
    put(tmp_path, "payments.yaml", good)
    read_all(tmp_path).or_raise()


def test_all_errors_of_all_files_are_said_at_once(tmp_path: Path):
    put(tmp_path, "payments.yaml", GOOD)
    put(tmp_path, "other.yaml", GOOD.replace("feed: payments", "feed: other").replace("r: email", "r: text"))
    put(tmp_path, "third.yaml", GOOD)
    put(tmp_path, "broken.yaml", "feed: [")
    put(tmp_path, "empty.yml", "")
    found = [str(each) for each in read_all(tmp_path).problems]
    assert [each.partition(": ")[0].removeprefix("definitions/feeds/") for each in found] == [
        "broken.yaml:1",
        "empty.yml:1",
        "payments.yaml:7:3",
        "payments.yaml:10:3",
        "third.yaml:1:1",
    ]
    assert "bi.payments is that of definitions/feeds/other.yaml already" in found[2]
    assert "pseudonyms of one namespace would not join" in found[3]
    assert "the feed payments belongs into definitions/feeds/payments.yaml" in found[4]


def test_the_schema_in_the_checkout_is_what_the_model_says():
    assert (ROOT / FILE).read_text(encoding="utf-8") == text(), "run: python -m pipeline.feeds.schema"
    for path in (ROOT / FOLDER).glob("*.yaml"):
        assert path.read_text().startswith("# yaml-language-server: $schema=feed.schema.json\n"), path
        jsonschema.validate(yaml.safe_load(path.read_text()), schema())


@pytest.mark.parametrize(
    "change",
    [
        {"columns": {"transaction_id": "int"}},
        {"columns": {"transaction_id": {"from": "id", "generalise": "minute"}}},
        {"columns": {"Id": "text"}},
        {"namespaces": {"person": {"identifier": "mail"}}},
        {"colums": {}},
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(change: dict[str, Any]):
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate(TRANSACTIONS)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(TRANSACTIONS | change)
