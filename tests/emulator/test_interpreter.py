"""A run that is forked from the warm interpreter finds what one in a new process finds, and ends as it does."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import Transient
from pipeline.emulator.glue.job_runs import PRELOADED
from pipeline.emulator.interpreter import Interpreter
from pipeline.emulator.processes import kill, start_python
from tests.emulator.test_processes import all_end_with, until_gone
from tests.patience import PATIENCE_S

LOOKS = """
import json, os, random, sys, tempfile, threading
import numpy, shipped
print(json.dumps({
    "arguments": sys.argv[1:], "script": os.path.basename(sys.argv[0]), "folder": os.getcwd(), "name": __name__,
    "environment": sorted(os.environ.items()), "path": sys.path, "temporary": tempfile.gettempdir(),
    "leads": os.getpid() == os.getpgrp() == os.getsid(0), "input": sys.stdin.read(), "shipped": shipped.WORD,
    "file": __file__, "main": sys.modules["__main__"].__file__, "threads": [t.name for t in threading.enumerate()],
    "descriptors": len(os.listdir("/proc/self/fd")), "warm": "pandas" in sys.modules,
    "chance": [random.random(), numpy.random.random()],
}), flush=True)
print("to stderr", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interpreter]:
    own = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
    found = Interpreter(own, PRELOADED, tmp_path_factory.mktemp("compiled") / "of packages")
    yield found
    found.stop()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "shipped.py").write_text("WORD = 'from the package'")
    own = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "OWN": "a=b\nc"}
    return {**own, "PYTHONPATH": str(tmp_path / "packages"), "TMPDIR": str(tmp_path)}


def run(interpreter: Interpreter | None, folder: Path, env: dict[str, str], text: str, *words: str) -> tuple[int, str]:
    """The exit code and the output of a run; without an interpreter, of a new process."""
    script = folder / "script.py"
    script.write_text(text)
    command = [str(script), *words]
    if interpreter is None:
        process: Any = start_python(command, env=env, cwd=str(folder), output=subprocess.PIPE)
    else:
        process = interpreter.run(command, env=env, cwd=str(folder))
    with process.stdout as output:
        printed = output.read().decode()
    code = process.wait(PATIENCE_S)
    assert kill(process) == code
    return code, printed


def test_a_run_finds_what_it_finds_in_a_new_process(
    interpreter: Interpreter, tmp_path: Path, environment: dict[str, str]
) -> None:
    words = ("--a", "", "ö \n")
    found = []
    for way in (None, interpreter, interpreter):
        code, printed = run(way, tmp_path, environment, LOOKS, *words)
        first, second = printed.splitlines()
        assert (code, second) == (0, "to stderr"), printed
        found.append(json.loads(first))
    assert [each.pop("warm") for each in found] == [False, True, True]
    chances = [chance for each in found for chance in each.pop("chance")]
    assert len(set(chances)) == len(chances)
    assert found[1] == found[2] == found[0]
    assert found[0]["shipped"] == "from the package"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import sys; sys.exit(3)", 3),
        ("raise SystemExit('gone')", 1),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os._exit(4)", 4),
        ("none = None\nnone + 1", 1),
        ("import atexit, threading, time\natexit.register(print, 'last')\n"
         "threading.Thread(target=lambda: (time.sleep(.2), print('late'))).start()", 0),
    ],
)  # fmt: skip
def test_a_run_ends_as_in_a_new_process(
    interpreter: Interpreter, tmp_path: Path, environment: dict[str, str], text: str, code: int
) -> None:
    cold, warm = (run(way, tmp_path, environment, text) for way in (None, interpreter))
    assert warm[0] == cold[0] == code
    assert warm[1].splitlines()[-2:] == cold[1].splitlines()[-2:]


@pytest.mark.parametrize("name", ["pandas", "statistics"])
def test_a_package_of_the_runs_own_is_what_it_gets(
    interpreter: Interpreter, tmp_path: Path, environment: dict[str, str], name: str
) -> None:
    (tmp_path / "packages" / name).mkdir()
    (tmp_path / "packages" / name / "__init__.py").write_text("WORD = 'its own'")
    text = f"import os, {name}\nprint({name}.WORD, os.getpid() == os.getpgrp())"
    assert run(interpreter, tmp_path, environment, text) == (0, "its own True\n")


def test_a_zip_is_compiled_once_and_whoever_changes_it_gets_the_change(
    interpreter: Interpreter, tmp_path: Path, environment: dict[str, str]
) -> None:
    package = tmp_path / "packages" / "library.zip"
    environment["PYTHONPATH"] = str(package)
    shows = "print(it.WORD, it.__file__, inspect.getsource(it.where).strip())"
    text = f"import inspect, deep.place as it\n{shows}\nit.where()"
    printed = []
    for word in ("one", "one", "other"):
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("deep/__init__.py", "")
            archive.writestr("deep/place.py", f"WORD = {word!r}\ndef where():\n    raise KeyError(WORD)\n")
        before = len(kept(interpreter))
        cold, warm = (run(way, tmp_path, environment, text) for way in (None, interpreter))
        assert warm[0] == cold[0] == 1
        lines = warm[1].splitlines()
        assert lines[0] == cold[1].splitlines()[0]
        assert lines[-3:] == cold[1].splitlines()[-3:]
        assert f'File "{package}/deep/place.py", line 3, in where' in warm[1]
        printed.append((lines[0].split()[0], lines[-1], len(kept(interpreter)) - before))
    assert printed == [("one", "KeyError: 'one'", 2), ("one", "KeyError: 'one'", 0), ("other", "KeyError: 'other'", 1)]
    for file in kept(interpreter):
        file.write_bytes(b"broken")
    assert run(interpreter, tmp_path, environment, text)[1].splitlines()[-1] == "KeyError: 'other'"


def kept(interpreter: Interpreter) -> list[Path]:
    folder = Path(interpreter._compiled)
    return [*folder.iterdir()] if folder.exists() else []


def test_what_a_run_started_ends_with_it_and_the_interpreter_comes_back(
    interpreter: Interpreter, tmp_path: Path, environment: dict[str, str]
) -> None:
    starts = "import subprocess, sys\nprint(subprocess.Popen(['sleep', '600']).pid, os.getppid(), flush=True)\n"
    code, printed = run(interpreter, tmp_path, environment, f"import os\n{starts}")
    assert code == 0
    child, parent = map(int, printed.split())
    until_gone(child)

    (tmp_path / "script.py").write_text(f"import os\n{starts}import time\ntime.sleep(600)")
    process = interpreter.run([str(tmp_path / "script.py")], env=environment, cwd=str(tmp_path))
    child, parent = map(int, process.stdout.readline().split())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    os.kill(parent, signal.SIGKILL)
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    until_gone(process.pid)
    until_gone(child)
    assert kill(process) == -signal.SIGKILL
    process.stdout.close()
    assert run(interpreter, tmp_path, environment, "print('again')") == (0, "again\n")


UNLUCKY = """
import errno, os
from pathlib import Path

real = os.fork

def fork():
    if Path(__file__).with_name("no memory").exists():
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    pid = real()
    if pid == 0 and Path(__file__).with_name("killed").exists():
        os.kill(os.getpid(), 9)
    if pid == 0 and Path(__file__).with_name("broken").exists():
        os._exit(1)
    return pid

os.fork = fork
"""


def test_a_fork_that_fails_or_dies_at_once_is_refused_and_other_runs_go_on(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "unlucky.py").write_text(UNLUCKY)
    (tmp_path / "script.py").write_text("import sys\nprint('begun', flush=True)\nimport time\ntime.sleep(600)")
    shaky = Interpreter({**environment, "PYTHONPATH": str(tmp_path)}, ["unlucky"], tmp_path / "compiled")
    other = shaky.run([str(tmp_path / "script.py")], env=environment, cwd=str(tmp_path))
    try:
        assert other.stdout.readline() == b"begun\n"
        for name, reason in (("no memory", "Cannot allocate memory"), ("killed", "ended -9"), ("broken", "ended 1")):
            (tmp_path / name).touch()
            with pytest.raises(Transient, match=reason):
                shaky.run([str(tmp_path / "script.py")], env=environment, cwd=str(tmp_path))
            (tmp_path / name).unlink()
        for left in range(6):
            before = opened()
            with few_descriptors(left), pytest.raises(OSError, match="Too many open files"):
                shaky.run([str(tmp_path / "script.py")], env=environment, cwd=str(tmp_path))
            assert opened() == before
        (tmp_path / "other").mkdir()
        assert run(shaky, tmp_path / "other", environment, "print('again')") == (0, "again\n")
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.01)
    finally:
        kill(other)
        other.stdout.close()
        shaky.stop()


def opened() -> set[int]:
    """The descriptors of this process."""
    return {int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")}


@contextlib.contextmanager
def few_descriptors(left: int) -> Iterator[None]:
    """So many can be opened meanwhile."""
    before, taken = resource.getrlimit(resource.RLIMIT_NOFILE), opened()
    free = itertools.islice((number for number in itertools.count() if number not in taken), left, None)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next(free), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_interpreter_and_its_runs_end_with_who_started_it(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import os, time\nprint(os.getpid(), os.getppid(), flush=True)\ntime.sleep(600)"
    )
    starter = (
        "import os, time\n"
        "from pathlib import Path\n"
        "from pipeline.emulator.interpreter import Interpreter\n"
        f"script = {str(tmp_path / 'script.py')!r}\n"
        "run = Interpreter(os.environ, (), Path(script + '.compiled')).run([script], env=os.environ, cwd='/')\n"
        "print(run.stdout.readline().decode(), flush=True)\n"
        "time.sleep(600)\n"
    )
    all_end_with(starter)
