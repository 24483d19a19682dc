"""The transform of a definition that is tried: run here by Spark, over rows as they were read."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.definitions.problems import BadDefinitions
from pipeline.deploy.transform_tests import session
from pipeline.lake.datasets import Dataset
from pipeline.lake.transforms.code import TransformFailed
from pipeline.operate.trial_transforms import ReadFile, Transformed, transformed
from tests.cli.test_redrive_rows import Shop, definition

SQL = """
select s.id, r.price as known, s.n * 2 as twice, s._sluice_order from staged s left join tried_read r on r.id = s.id
"""
PYTHON = """
def checked(batch):
    if 9 in batch["n"].to_pylist():
        raise ValueError("nine is too much")
    return batch.filter([n > 1 for n in batch["n"].to_pylist()])
"""
BY_KEY = {"write": "upsert", "key": ["id"]}


def trying(transform: dict[str, Any], **table: Any) -> Dataset:
    columns = {"id": "bigint", "n": "int", "optional": {"type": "string", "optional": True}}
    stage_a = {"format": "csv", "columns": columns}
    given = {"team": "shop", "dataset": "tried_new", "stage_a": stage_a, "transform": transform, "table": table}
    return Dataset.from_stored(given)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select s.id from staged s join orders o on o.id = s.id", "demo/orders is not shared with shop/joined"),
        ("select s.id from staged s where", "joined.sql:1"),
    ],
)
def test_a_transform_that_apply_would_refuse_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, says: str
) -> None:
    command = importlib.import_module("pipeline.cli.try")
    monkeypatch.setattr(command, "checkout", lambda: tmp_path)
    definitions = {
        "demo/orders.yaml": "team: demo\ndataset: orders\nstage_a: {format: csv, columns: {id: int}}\n",
        "shop/joined.yaml": "team: shop\ndataset: joined\nstage_a: {format: csv, columns: {id: int}}\n"
        "transform: {sql: joined.sql, reads: [demo/orders]}\n",
        "shop/joined.sql": sql,
    }
    for name, text in definitions.items():
        path = tmp_path / "definitions" / "datasets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with pytest.raises(BadDefinitions) as refused:
        command._definition("shop/joined")
    assert says in str(refused.value)


def test_a_transform_that_is_tried_gives_files_of_its_rows_by_object(lake, tmp_path: Path) -> None:
    shop = Shop(lake, definition("tried_read"))
    row = shop.row(shop.loaded("a.csv", b"id,price\n1,10\n2,20\n"))
    folders = iter(tmp_path / str(n) for n in range(9))
    with session() as spark:

        def tried(transform: dict[str, Any], *ids: list[tuple[int, int]], **table: Any) -> Transformed:
            folder = next(folders)
            folder.mkdir()
            files = []
            for number, rows in enumerate(ids):
                path = folder / f"{number}.parquet"
                listed = {"id": [one for one, _ in rows], "n": pa.array([n for _, n in rows], pa.int32())}
                pq.write_table(pa.table({**listed, "_sluice_row": list(range(1, len(rows) + 1))}), path)
                files.append(ReadFile(replace(row, order=f"order{number}"), path, len(rows)))
            return transformed(lake, spark, trying(transform, **table), files, folder)

        sql = {"sql": "s.sql", "text": SQL, "reads": ["shop/tried_read"]}
        made = tried(sql, [(1, 1), (2, 2)], [(1, 5), (3, 3)], **BY_KEY)
        assert [each.row.order for each in made.files] == ["order0", "order1"]
        found = [sorted(pq.read_table(each.parquet).to_pylist(), key=lambda each: each["id"]) for each in made.files]
        assert [[(each["id"], each["known"], each["twice"]) for each in rows] for rows in found] == [
            [(1, 10, 2), (2, 20, 4)],
            [(1, 10, 10), (3, None, 6)],
        ]
        assert made.dataset.table_contract == {"id": "bigint", "known": "bigint", "twice": "int"}
        assert made.dataset.transform is None

        python = {"python": "p.py:checked", "text": PYTHON}
        made = tried(python, [(1, 1), (2, 2)], [(3, 3)])
        assert [pq.read_table(each.parquet)["id"].to_pylist() for each in made.files] == [[2], [3]]

        twice = {**sql, "text": "select 1 as id from staged"}
        with pytest.raises(TransformFailed, match=r"gives 1 keys \(id\) several rows each"):
            tried(twice, [(1, 1), (2, 2)], **BY_KEY)
        with pytest.raises(TransformFailed, match=r"ValueError: .* \(at p.py:4 in checked"):
            tried(python, [(1, 9)])
        with pytest.raises(TransformFailed, match=r"s.sql: .*nowhere"):
            tried({**sql, "text": "select nowhere from staged"}, [(1, 1)])
