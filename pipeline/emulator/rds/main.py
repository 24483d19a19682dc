"""Runs one PostgreSQL server until this process is told to end: `main.py <bin> <data> <socket folder>`.

Standard input has the password of the user `postgres` where the data folder is yet to be made.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

_OPTIONS = {
    # Nobody but the owner of the socket's folder reaches it.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    # A statement in the log would hold values.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "max_connections": "50",
    "shared_buffers": "64MB",
    "jit": "off",
}
"""What this server is told beside its defaults."""


def _become(user: int | None) -> None:
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)


def make(binaries: Path, data: Path, password_file: Path, user: int | None) -> None:
    """Make a data folder in which each user needs a password."""
    words = ["--auth=scram-sha-256", f"--pwfile={password_file}", "--username=postgres", "--encoding=UTF8"]
    command = [str(binaries / "initdb"), *words, "--locale=C.UTF-8", "--pgdata", str(data)]
    subprocess.run(command, check=True, preexec_fn=lambda: _become(user), stdout=subprocess.DEVNULL)


def main() -> int:
    """Start the server, pass on the wish to end it, and end with it."""
    binaries, data, sockets, user_text = sys.argv[1:]
    user = int(user_text) if user_text else None
    options = [f"--{name.replace('_', '-')}={value}" for name, value in _OPTIONS.items()]
    command = [str(Path(binaries) / "postgres"), "-D", data, "-k", sockets, *options]
    server = subprocess.Popen(command, preexec_fn=lambda: _become(user))
    # A fast shutdown: connections are cut, and everything is written.
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGINT))
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
