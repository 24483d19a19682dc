"""What `datasets init --transform` begins with passes the checks, and hands rows on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.files import FOLDER, read_file
from pipeline.lake.transforms.checks import transform_findings
from pipeline.lake.transforms.skeletons import skeleton

COLUMNS = {"order": "string", "2024_q1": "double", "day": "date"}


@pytest.mark.parametrize("kind", ["sql", "python", "script"])
@pytest.mark.parametrize(
    "table", [{}, {"write": "upsert", "key": ["order"]}, {"write": "replace"}], ids=["append", "upsert", "replace"]
)
def test_a_skeleton_applies_as_it_is(tmp_path: Path, kind: Any, table: dict[str, Any]) -> None:
    said = {"team": "shop", "dataset": "sales", "stage_a": {"format": "csv", "columns": COLUMNS}, "table": table}
    begun = skeleton(Dataset.model_validate(said), kind)
    folder = tmp_path / FOLDER / "shop"
    (folder / begun.file).parent.mkdir(parents=True)
    (folder / begun.file).write_text(begun.text)
    key = (
        "table: {write: upsert, key: [order]}"
        if "key" in table
        else f"table: {{write: {table.get('write', 'append')}}}"
    )
    columns = ", ".join(f'"{name}": {of}' for name, of in COLUMNS.items())
    head = f"team: shop\ndataset: sales\nstage_a: {{format: csv, columns: {{{columns}}}}}\n{key}\n"
    (folder / "sales.yaml").write_text(head + begun.definition)
    definition = read_file(folder / "sales.yaml", tmp_path)
    assert definition.dataset.transform
    assert definition.dataset.transform.kind == kind
    assert list(transform_findings(definition, {})) == []
