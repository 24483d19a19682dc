"""The part `transform` of a definition: what it says, what it refuses, and the text of its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.definitions.problems import BadDefinitions
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.datasets.files import FOLDER, Definition, read_file

HEAD = "team: shop\ndataset: sales\nstage_a: {format: csv, columns: {id: bigint, day: date}}\n"


def read(root: Path, transform: str, files: dict[str, str] | None = None, more: str = "") -> Definition:
    folder = root / FOLDER / "shop"
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sales.yaml"
    path.write_text(f"{HEAD}{more}transform: {transform}\n")
    return read_file(path, root)


def test_the_text_of_the_file_is_part_of_the_registration(tmp_path: Path) -> None:
    one = read(tmp_path, "{sql: transforms/sales.sql, reads: [demo/customers]}", {"transforms/sales.sql": "select 1"})
    other = read(tmp_path, "{sql: transforms/sales.sql, reads: [demo/customers]}", {"transforms/sales.sql": "select 2"})
    assert one.dataset.transform
    assert one.dataset.transform.text == "select 1"
    assert one.dataset.transform.views == {"customers": DatasetName("demo", "customers")}
    assert one.dataset.fingerprint != other.dataset.fingerprint
    assert Dataset.from_json(one.dataset.to_json()) == one.dataset


def test_key_and_partitions_are_columns_that_the_transform_gives(tmp_path: Path) -> None:
    more = "table: {write: upsert, key: [day, customer]}\n"
    made = read(tmp_path, "{sql: s.sql}", {"s.sql": "select 1"}, more).dataset
    assert list(made.contract) == ["id", "day"], "a file need not have what only the table has"
    assert made.table_contract == {"day": "date", "customer": "string"}
    declared = "{sql: s.sql, columns: {day: date, customer: bigint, n: bigint}}"
    made = read(tmp_path, declared, more=more).dataset
    assert made.table_contract == {"day": "date", "customer": "bigint", "n": "bigint"}


@pytest.mark.parametrize(
    ("transform", "line"),
    [
        ("{sql: s.sql, python: p.py:f}", "transform: say exactly one of sql, python and script"),
        ("{reads: [a/b]}", "transform: say exactly one of sql, python and script"),
        ("{sql: gone.sql}", "transform.sql: gone.sql cannot be read: No such file or directory"),
        ("{sql: ../s.sql}", "transform.sql: '../s.sql' is no file beside the definition, in lower case, such as"),
        ("{python: p.py}", "such as transforms/orders.py:clean, with the name of a function"),
        ("{sql: s.sql, reads: [orders]}", "transform.reads: 'orders' is not of the form team/dataset"),
        ("{sql: s.sql, reads: [a/x, b/x]}", "'b/x' would be called x, as a/x; write b/x as …"),
        ("{sql: s.sql, reads: [a/staged]}", "'a/staged' would be called staged, as the staged rows"),
        ("{python: p.py:f, reads: [a/b]}", "reads means nothing to python"),
        ("{sql: s.sql, columns: {n: number}}", "transform.columns: n: "),
        ("{sql: s.sql, columns: {_sluice_order: string}}", "_sluice_order is Sluice's own column"),
        ("{sql: s.sql, text: select 2}", "transform.text: is read from its file"),
        ("{sql: s.sql, reeds: [a/b]}", "transform.reeds: is unknown; did you mean 'reads'?"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, transform: str, line: str) -> None:
    with pytest.raises(BadDefinitions) as refused:
        read(tmp_path, transform, {"s.sql": "select 1", "p.py": "def f(b): return b"})
    assert line in str(refused.value)
    assert "sales.yaml:4: " in str(refused.value)
