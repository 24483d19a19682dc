"""The interpreter that job runs and functions are forked from: it has imported what each of them can import, and what
takes up to a second of processor time otherwise.

Run as a script by `interpreter` with the names of these modules, and with one end of a pair of sockets as its standard
input. For each run it gets three descriptors: a socket of the run's own, the output and the lifeline. A fork reads from
that socket what to run and as what, tells its process id, and runs it; the interpreter tells the exit code once the
fork has ended, or that it could not fork.

A run differs from one in a new process in this: a submodule that a script forgot to import may be there.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import json
import marshal
import os
import runpy
import select
import socket
import sys
import tempfile
import time
import warnings
import zipfile
import zipimport
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

_LIFELINE_SCRIPT = str(Path(__file__).with_name("lifeline.py"))
_READY = b"ready"
_READ_AT_THE_START = ("BOTO_", "LANG", "LC_", "LD_", "MALLOC_", "OPENSSL_", "PYDANTIC_", "PYTHON")
"""How variables begin that Python, its libraries or what is preloaded look at only once."""

_CUSTOMIZING = frozenset(("sitecustomize", "usercustomize"))
"""Modules that Python itself imports at its start."""


class CompiledZip(zipimport.zipimporter):
    """A zip whose modules are compiled once and not in each run: Glue's zips hold source alone.

    What is compiled is kept in `folder`, of the lake's own, by path and text.
    """

    folder = ""

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, as `zipimport` makes it."""
        source = self.get_source(fullname) if self.get_filename(fullname).endswith(".py") else None
        if source is None:
            return super().get_code(fullname)
        seen = hashlib.sha256(f"{self.get_filename(fullname)}\0{source}".encode("utf-8", "surrogatepass")).hexdigest()
        file = os.path.join(self.folder, seen)
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError), open(file, "rb") as kept:
            found: CodeType = marshal.load(kept)  # noqa: S302 - nobody else can write there
            return found
        code = super().get_code(fullname)
        with contextlib.suppress(OSError):
            os.makedirs(self.folder, exist_ok=True)
            part = f"{file}.{os.getpid()}"
            with open(part, "wb") as made:
                marshal.dump(code, made)
            os.rename(part, file)
        return code


def preload(names: Iterable[str]) -> None:
    """Import what there is of these modules: what a run then does not find is for the run to say."""
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


class _Forked:
    """A run as the interpreter knows it: its process, and where to say how that ended."""

    def __init__(self, pid: int, answers: socket.socket) -> None:
        self._pid = pid
        self._answers = answers
        self.ended = os.pidfd_open(pid)
        """Can be read once the process has ended."""

    def close(self) -> None:
        self._answers.close()
        os.close(self.ended)

    def reap(self) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        with contextlib.suppress(OSError):
            self._answers.sendall(f"ended {code}\n".encode())
        self.close()


def next_run(control: socket.socket) -> list[int]:
    """Fork for each run that is asked for. Returns in the fork alone, with its descriptors; the interpreter itself ends
    when whoever started it does."""
    forked: dict[int, _Forked] = {}
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for found, _ in poll.poll():
            if found != control.fileno():
                poll.unregister(found)
                forked.pop(found).reap()
                continue
            message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
            if not message:
                os._exit(0)
            try:
                pid = _fork()
            except OSError as error:
                _say_failed(descriptors, error)
                continue
            if pid == 0:
                control.close()
                for other in forked.values():
                    other.close()
                return descriptors
            run = _Forked(pid, socket.socket(fileno=descriptors[0]))
            for descriptor in descriptors[1:]:
                os.close(descriptor)
            forked[run.ended] = run
            poll.register(run.ended, select.POLLIN)


def _say_failed(descriptors: list[int], error: OSError) -> None:
    """Tell that there is no fork, of no memory or too many processes, so that those there are go on."""
    with socket.socket(fileno=descriptors[0]) as answers, contextlib.suppress(OSError):
        answers.sendall(f"failed with {error}\n".encode())
    for descriptor in descriptors[1:]:
        os.close(descriptor)


def _fork() -> int:
    with warnings.catch_warnings():
        # numpy's library has threads, which look after themselves in a fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def become(answers: socket.socket, output: int, lifeline: int) -> dict[str, Any]:
    """Make this fork what a new process would be for the run; the answer is what to run."""
    os.setsid()
    with answers, answers.makefile("rb") as lines:
        asked: dict[str, Any] = json.loads(lines.readline())
        answers.sendall(f"begun {os.getpid()}\n".encode())
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.set_inheritable(lifeline, True)
    os.chdir(asked["cwd"])
    # Python itself sets it where the locale is C (PEP 538).
    locale = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}
    os.environ.clear()
    os.environ.update({**locale, **asked["env"], "SLUICE_LIFELINE": str(lifeline)})
    time.tzset()
    return asked


def run(arguments: list[str], compiled: str, began_with: Mapping[str, str]) -> None:
    """Run the script as `processes.start_python` does: in this process or, where what is loaded is not what the run
    would load, in Python from its beginning. `compiled` is the folder of CompiledZip, `began_with` what this process
    found of _READ_AT_THE_START."""
    packages = list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    if shadowed([*packages, os.path.dirname(arguments[0])]) or read_at_the_start() != began_with:
        os.execv(sys.executable, [sys.executable, _LIFELINE_SCRIPT, *arguments])
    os.set_inheritable(int(os.environ["SLUICE_LIFELINE"]), False)
    CompiledZip.folder = compiled
    sys.path_hooks[sys.path_hooks.index(zipimport.zipimporter)] = CompiledZip
    tempfile.tempdir = None
    if "numpy" in sys.modules:
        # Python's own generator is seeded anew in a fork, numpy's is not.
        sys.modules["numpy"].random.seed()
    # The first entry is that of this script, and in its place of the script that runs the run's.
    sys.path[1:1] = packages
    sys.argv = [_LIFELINE_SCRIPT, *arguments]
    runpy.run_path(_LIFELINE_SCRIPT, run_name="__main__")


def read_at_the_start() -> dict[str, str]:
    """The variables of _READ_AT_THE_START. The path is made anew for each run; of LC_CTYPE, `become` knows."""
    known = {name: value for name, value in os.environ.items() if name.startswith(_READ_AT_THE_START)}
    return {name: value for name, value in known.items() if name not in ("PYTHONPATH", "LC_CTYPE")}


def shadowed(paths: Iterable[str]) -> set[str]:
    """Modules that are loaded and of which a new process would find others first, in one of these folders or zips."""
    return (sys.modules.keys() | _CUSTOMIZING) & {name for path in paths for name in _modules_in(path)}


def _modules_in(path: str) -> set[str]:
    if os.path.isdir(path):
        entries = os.listdir(path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            entries = archive.namelist()
    else:
        return set()
    return {entry.partition("/")[0].partition(".")[0] for entry in entries}


def main() -> None:
    """Wait for runs, and be each of them in a fork."""
    control, began_with = socket.socket(fileno=os.dup(0)), read_at_the_start()
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    preload(sys.argv[1:])
    # Else a collection of garbage in a fork would copy all that is shared.
    gc.freeze()
    control.sendall(_READY)
    answers, output, lifeline = next_run(control)
    asked = become(socket.socket(fileno=answers), output, lifeline)
    run(asked["arguments"], asked["compiled"], began_with)


if __name__ == "__main__":
    main()
