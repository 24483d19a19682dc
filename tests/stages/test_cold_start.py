"""What a cold start of a function loads: nothing that its first event has no use for."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOADED = "import sys, {module}; print(*(name for name in sys.modules if name.startswith({needless!r})))"


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("stages.stage_a.transform", ("pipeline.lake.quality", "pipeline.lake.batches", "difflib", "lxml", "fastavro")),
        ("stages.ingest.route", ("pipeline.lake.quality", "pipeline.lake.batches", "pyarrow", "numpy")),
    ],
)
def test_a_function_loads_nothing_that_its_first_event_has_no_use_for(module: str, needless: tuple[str, ...]) -> None:
    script = _LOADED.format(module=module, needless=needless)
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert found == []
