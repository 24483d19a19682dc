"""Packages of moto that services of ours import for a name or two, and whose own load takes a second.

`moto.ssm` imports `moto.ec2` for documents that name machines, the interpreter of state machines imports `moto.batch`
for a list of words. What their `__init__` imports, which is their backends alone, comes once it is used.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PACKAGES = frozenset({"moto.batch", "moto.ec2"})


class _Backends:
    """A service's backends by account, as moto's own dictionary of them, which is loaded when it is looked at."""

    def __init__(self, package: str, name: str) -> None:
        self._place = (package, name)

    def _loaded(self) -> Any:
        package, name = self._place
        return getattr(importlib.import_module(f"{package}.models"), name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded(), name)

    def __getitem__(self, account: str) -> Any:
        return self._loaded()[account]

    def __contains__(self, account: object) -> bool:
        return account in self._loaded()

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> _Backends:
        if name.endswith("_backends"):
            return _Backends(self.__name__, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class _Loader(Loader):
    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Deferred


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname in PACKAGES else None
        if found:
            found.loader = _Loader()
        return found


def defer() -> None:
    """Let this process load PACKAGES late; those that it has loaded stay as they are."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
