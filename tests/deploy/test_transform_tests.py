"""Test cases of transforms: samples go in, and what comes out is compared with what is expected."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.core.errors import BadInput
from pipeline.deploy.datasets.definitions import by_name
from pipeline.deploy.transform_tests import TransformCase, cases, problem_of, session
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.files import FOLDER, read_all
from tests.conftest import ROOT

RETURNS = DatasetName("demo", "returns")


def test_a_case_passes_or_says_which_rows_differ(tmp_path: Path) -> None:
    shutil.copytree(ROOT / FOLDER / "demo", tmp_path / FOLDER / "demo")
    definitions = read_all(tmp_path).or_raise()
    [case] = cases(tmp_path, definitions, RETURNS)
    assert str(case) == "demo/returns#known_orders"
    with session() as spark:

        def problem(file: str = "", text: str = "") -> str | None:
            changed = TransformCase(case.dataset, Path(shutil.copytree(case.folder, tmp_path / "changed")))
            if file:
                (changed.folder / file).write_text(text)
            try:
                return problem_of(spark, changed, by_name(definitions))
            finally:
                shutil.rmtree(changed.folder)

        assert problem() is None
        differs = problem("orders.jsonl", '{"order_id": "O-1", "customer_id": "C-1", "item": "rug", "quantity": 1}\n')
        assert differs
        assert '- {"order_id":"O-1"' in differs
        assert '"refund":179.90' in differs
        assert '"refund":null' in differs
        assert problem("staged.jsonl", '{"order": "O-1"}\n') == "staged.jsonl:1: order: no column that is declared"
        assert problem("expected.jsonl", "{") == (
            "expected.jsonl:1: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
        )
        assert problem("customers.jsonl", '{"name": "Ada", "since": "x"}') == (
            "customers.jsonl: a value is not of its column's type"
        )


def test_a_transform_without_a_case_says_how_to_make_one(tmp_path: Path) -> None:
    shutil.copytree(ROOT / FOLDER / "demo", tmp_path / FOLDER / "demo")
    shutil.rmtree(tmp_path / FOLDER / "demo" / "transforms" / "returns_tests")
    with pytest.raises(BadInput, match="the transform of demo/returns has no test case"):
        cases(tmp_path, read_all(tmp_path).or_raise(), RETURNS)
