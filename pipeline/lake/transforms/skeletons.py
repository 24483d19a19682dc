"""A transform to begin with: one that hands every row on as it is, in the kind that a team wants. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.system_columns import ORDER_COLUMN
from pipeline.lake.datasets.transform import STAGED, Kind

_PYTHON = '''"""What becomes of a batch of rows before they are loaded (docs/transforms.md)."""


def transform(batch):
    """Takes a pyarrow.RecordBatch with rows of one file, and gives one, or a pyarrow.Table."""
    return batch
'''
_SCRIPT = '''"""What becomes of the staged rows before they are loaded (docs/transforms.md)."""

from pipeline.lake.transforms import batch

rows = batch.staged()
batch.write(rows.select({columns}))
'''


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What a definition says at its end, and the file beside it that it names."""

    definition: str
    file: str
    text: str


def skeleton(dataset: Dataset, kind: Kind) -> Skeleton:
    """The skeleton for a dataset, which applies as it is."""
    name = dataset.dataset
    columns = [*dataset.contract, *([] if dataset.table.write == "append" else [ORDER_COLUMN])]
    if kind == "python":
        return _made(kind, f"transforms/{name}.py", _PYTHON, ":transform")
    if kind == "script":
        listed = ", ".join(f'"{column}"' for column in columns)
        return _made(kind, f"jobs/{name}.py", _SCRIPT.format(columns=listed or '"*"'))
    listed = ",\n".join(f"  s.{_quoted(column)}" for column in columns) or "  s.*"
    return _made(kind, f"transforms/{name}.sql", f"select\n{listed}\nfrom {STAGED} s\n")


def _quoted(name: str) -> str:
    return f"`{name}`" if name[0].isdigit() else name


def _made(kind: Kind, file: str, text: str, function: str = "") -> Skeleton:
    reads = "" if kind == "python" else "  # Other tables that it may read.\n  reads: []\n"
    return Skeleton(f"\n# docs/transforms.md\ntransform:\n  {kind}: {file}{function}\n{reads}", file, text)
