"""Files as a function on AWS names them: what a failure and a log line say shows no path of this machine."""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

from pipeline.emulator.awslambda.packages import Package

_RUNTIME = "/var/runtime"
_LANGUAGE = "/var/lang"
_MAIN = str(Path(__file__).with_name("main.py"))


class LambdaPaths:
    """Puts AWS's paths in the place of a worker's own: its package, layers and temporary files, Python and its own."""

    def __init__(self, package: Package, tmp: str) -> None:
        installed = sysconfig.get_paths()
        version = f"{_LANGUAGE}/lib/python{sys.version_info.major}.{sys.version_info.minor}"
        known = {
            str(package.code): "/var/task",
            tmp: "/tmp",  # noqa: S108
            _MAIN: f"{_RUNTIME}/bootstrap.py",
            f"{installed['purelib']}/awslambdaric": f"{_RUNTIME}/awslambdaric",
            installed["purelib"]: f"{version}/site-packages",
            installed["stdlib"]: version,
            sys.prefix: _LANGUAGE,
            sys.base_prefix: _LANGUAGE,
        }
        if package.layers is not None:
            known[str(package.layers)] = "/opt"
        self._known = known
        longest_first = sorted(known, key=len, reverse=True)
        # A path ends where its name does: `…/package` is not the beginning of `…/package-2`.
        self._found = re.compile(rf"({'|'.join(map(re.escape, longest_first))})(?![\w-])")

    def told(self, text: str) -> str:
        """A text with the paths of this machine as a function on AWS has them."""
        return self._found.sub(lambda found: self._known[found[1]], text)

    def told_bytes(self, text: bytes) -> bytes:
        """Of UTF-8; other bytes stay as they are."""
        return self.told(text.decode(errors="surrogateescape")).encode(errors="surrogateescape")
