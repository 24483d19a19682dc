"""A benchmark that measures a process of its own: the same module, run with `--serve FOLDER`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.core.lake_key import LakeKey


@contextmanager
def serving(module: str) -> Iterator[tuple[dict[str, Any], int]]:
    """What the module prints first, as JSON, and its process id, until the end of the block ends its standard input.

    The `key` that it prints is this process's, too.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        command = [sys.executable, "-m", module, "--serve", folder]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert child.stdout is not None
            told = json.loads(child.stdout.readline())
            os.environ.update(LakeKey(**told["key"]).variables())
            yield told, child.pid
        finally:
            child.communicate(timeout=60)
