"""`sluice` in a process of its own that need not load anything: forked from one that has loaded what commands load.

All else is as when a person runs it: arguments, folder, environment, output, exit code. What a command loads, and how
it starts, is not to be tested with this.
"""

from __future__ import annotations

import atexit
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = "160"
"""The width of the terminal that commands are told of."""


def run_forked(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str], timeout: float, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `sluice` with `arguments` in a folder, and `typed` as its standard input; as `subprocess.run` does,
    TimeoutExpired after `timeout` seconds."""
    with tempfile.TemporaryDirectory(prefix="sluice-output-") as output:
        files = [Path(output, name) for name in ("stdout", "stderr")]
        for file in files:
            file.touch()
        process = _context().Process(target=_become, args=(folder, list(arguments), dict(environment), files, typed))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["sluice", *arguments], timeout)
        printed, errors = (file.read_text(encoding="utf-8") for file in files)
        return subprocess.CompletedProcess(["sluice", *arguments], process.exitcode, printed, errors)


@cache
def _context() -> Any:
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.loaded_commands"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before
    return context


def _become(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[Path], typed: str
) -> None:
    assert "tests.loaded_commands" in sys.modules
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, file in enumerate(files, 1):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = io.StringIO(typed)
    sys.argv = ["sluice", *arguments]
    from pipeline.cli import main

    try:
        main()
    finally:
        # A process that multiprocessing forked does not do so.
        atexit._run_exitfuncs()
