"""A lake of its own for one measurement, with one dataset of small files."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.cli.connect import Target
from pipeline.deploy.datasets.definitions import apply_definitions
from pipeline.deploy.embedded import EmbeddedBackend
from pipeline.emulator import lifecycle
from pipeline.lake.datasets import DatasetName
from pipeline.operate.connection import Connected
from tests.deploying import deploy
from tests.whole_lake.conftest import checkout_of

NAME = DatasetName("bench", "small")
DEFINITION = """stage_a: {format: csv, columns: {id: string, n: int}}
"""


@contextlib.contextmanager
def small_lake(more: str, also: Sequence[DatasetName] = ()) -> Iterator[Connected]:
    """The lake while it runs; `more` is what its dataset's file says besides. `also` are datasets like it."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        root = checkout_of(Path(folder, "checkout"))
        for name in (NAME, *also):
            path = root / "definitions" / "datasets" / name.team / f"{name.dataset}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"team: {name.team}\ndataset: {name.dataset}\n{DEFINITION}{more}")
        lake = lifecycle.start(root, port=0, region="eu-west-1", env="local")
        try:
            deploy(root, lake)
            connected = Target.of(lake).connect()
            apply_definitions(root, connected, EmbeddedBackend(connected.env))
            yield connected
        finally:
            lifecycle.stop(root)
