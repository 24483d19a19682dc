"""The demo's files do to the demo's own definitions what `Samples` says of each."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from pipeline.cli.samples import BAD_ROWS, Samples, write_samples
from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.files import read_file
from pipeline.lake.files.conversion import Conversion, convert

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    return write_samples(tmp_path)


def definition(name: str) -> Dataset:
    return read_file(ROOT / "definitions" / "datasets" / "demo" / f"{name}.yaml", ROOT).dataset


def staged(path: Path, dataset: Dataset) -> Conversion:
    with path.open("rb") as source:
        return convert(
            source,
            file_name=path.name,
            settings=dataset.stage_a,
            contract=dataset.contract,
            parquet=path.with_suffix(".parquet"),
            bad_rows=path.with_suffix(".bad"),
            metadata={},
        )


def test_the_files_are_the_same_each_time(samples: Samples, tmp_path: Path):
    again = tmp_path / "again"
    again.mkdir()
    other = write_samples(again)
    for name in Samples.__slots__:
        assert getattr(samples, name).read_bytes() == getattr(other, name).read_bytes()


@pytest.mark.parametrize(("file", "rows"), [("orders", 20), ("orders_compressed", 20), ("orders_breaking_rules", 8)])
def test_good_orders_read_as_the_contract_says(samples: Samples, file: str, rows: int):
    conversion = staged(getattr(samples, file), definition("orders"))
    assert (conversion.rows_out, conversion.rows_bad) == (rows, 0)


def test_the_bad_rows_fail_alone_each_with_its_own_reason(samples: Samples):
    conversion = staged(samples.orders_with_bad_rows, definition("orders"))
    assert (conversion.rows_out, conversion.rows_bad) == (12, len(BAD_ROWS))
    lines = samples.orders_with_bad_rows.with_suffix(".bad").read_text().splitlines()
    reasons = [json.loads(line)["reason"] for line in lines]
    for reason, word in zip(reasons, ("quantity", "ordered_at", "price", "4 cells"), strict=True):
        assert word in reason


def test_the_truncated_file_cannot_be_read(samples: Samples):
    with pytest.raises(BadObject, match="ends early"):
        staged(samples.orders_truncated, definition("orders"))


def test_the_rule_breaking_orders_break_two_rules(samples: Samples):
    staged(samples.orders_breaking_rules, definition("orders"))
    rows = pyarrow.parquet.read_table(samples.orders_breaking_rules.with_suffix(".parquet")).to_pylist()
    assert {row["status"] for row in rows} - {"placed", "paid", "shipped", "returned"} == {"teleported"}
    assert all(row["quantity"] < 1 for row in rows)


def test_the_second_customers_change_rows_of_the_first(samples: Samples):
    batches = []
    for path in (samples.customers, samples.customers_changed):
        conversion = staged(path, definition("customers"))
        assert conversion.rows_bad == 0
        rows = pyarrow.parquet.read_table(path.with_suffix(".parquet")).to_pylist()
        batches.append({row["customer_id"]: row for row in rows})
    first, second = batches
    changed = first.keys() & second.keys()
    assert len(changed) == 2
    assert len(second) == 3
    assert all(first[name]["address"] != second[name]["address"] for name in changed)
    assert first["C-1"]["address"]["postcode"] == "01234"
