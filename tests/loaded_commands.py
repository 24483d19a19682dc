"""What commands load, for the process that `forked_commands` forks. Nothing but imports: no client, no thread."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pkgutil
import sys

import pipeline
from tests.forked_commands import COLUMNS

# As `main` does, before anything loads boto3.
sys.modules["awscrt"] = None  # type: ignore[assignment]
os.environ["COLUMNS"] = COLUMNS

LOADED_LATE = (
    "boto3",
    "botocore.httpsession",
    "duckdb",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pyiceberg.catalog.glue",
    "pyiceberg.io.pyarrow",
    "pyiceberg.table",
)
"""What functions import once they need it."""

# How wide a command prints is asked when its module is loaded; nobody's terminal is to be looked at.
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    for room in ("core", "cli", "lake", "operate", "deploy"):
        for found in pkgutil.walk_packages([f"{pipeline.__path__[0]}/{room}"], f"pipeline.{room}."):
            if not found.name.startswith(("pipeline.deploy.aws", "pipeline.lake.feeds")):
                importlib.import_module(found.name)
for name in LOADED_LATE:
    importlib.import_module(name)
