"""`sluice smoke`: says that a lake works, and does not where it does not."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.cli.drop import EXIT_ATTENTION

from .conftest import RunningLake

CSV = {"stage_a": {"format": "csv", "columns": {"id": "int"}, "on_bad_row": "reject_file"}}


def test_a_file_that_reaches_its_table_proves_the_lake(lake: RunningLake, tmp_path: Path) -> None:
    dataset = lake.define(CSV)
    (tmp_path / "good.csv").write_text("id\n1\n")
    done = lake.sluice("smoke", str(tmp_path / "good.csv"), "--to", str(dataset.name), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "COMMITTED"
    assert dataset.rows() == [{"id": 1}]


def test_a_file_that_does_not_is_told_with_its_reason(lake: RunningLake, tmp_path: Path) -> None:
    dataset = lake.define(CSV)
    (tmp_path / "bad.csv").write_text("id\none\n")
    done = lake.sluice("smoke", str(tmp_path / "bad.csv"), "--to", str(dataset.name))
    assert done.returncode == EXIT_ATTENTION, done.stderr
    assert "is QUARANTINED" in done.stdout


def test_a_lake_without_the_dataset_of_the_sample_says_what_to_name(lake: RunningLake) -> None:
    done = lake.sluice("smoke")
    assert done.returncode == 1
    assert "no dataset demo/orders is registered" in done.stderr
