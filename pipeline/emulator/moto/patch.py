"""Changes to moto: each says what it replaces, which source of that it was written against, and why.

A module that changes moto stands in a folder `patches` (or `interpreter`) of a service's folder, and is found there:

    @patch("moto.sqs.models:Queue.purge", "1f41972c1e4e", "moto forgets the messages in flight")
    def _purge(self: Any) -> None:
        _purge.original(self)
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from pipeline.core.errors import Misconfigured

FOLDERS = ("patches", "interpreter")

_Change = TypeVar("_Change", "Patch", "Addition", "Setup")

_lock = threading.Lock()
_installed = False


class Patch:
    """What stands in the place of one function, method or property of moto.

    `original` is what it replaced, once it is installed. A direct call calls the replacement.
    """

    original: Any

    def __init__(self, target: str, source: str, reason: str, replacement: Any, rebind: str) -> None:
        self.target = target
        self.source = source
        self.reason = reason
        self.replacement = replacement
        self.rebind = rebind

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.replacement(*arguments, **named)

    def install(self) -> None:
        """Put the replacement in its place; `Misconfigured` where moto's source is another, or is not there."""
        owner, name = located(self.target)
        self.original = inspect.getattr_static(owner, name, None)
        found = fingerprint(self.original) if self.original is not None else "none"
        if found != self.source:
            raise Misconfigured(
                f"{self.target} has source {found}, and its patch was written against {self.source}",
                hint="Install the pinned moto, or look at the new source and renew the patch (`make moto-drift`).",
            )
        setattr(owner, name, self.replacement)
        if self.rebind:
            rebind(self.rebind, name, self.original, self.replacement)


class Addition:
    """What moto does not have, and gets."""

    def __init__(self, target: str, reason: str, added: Any) -> None:
        self.target = target
        self.reason = reason
        self.added = added

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.added(*arguments, **named)

    def install(self) -> None:
        """Add it; `Misconfigured` where moto has it by now."""
        owner, name = located(self.target)
        if name in vars(owner):
            raise Misconfigured(
                f"moto has {self.target} by now, which was added to it",
                hint="Install the pinned moto, or make a patch of the addition.",
            )
        setattr(owner, name, self.added)


class Setup:
    """A change of moto that replaces no function: a constant, an entry of a table, a connection to our own parts."""

    def __init__(self, reason: str, install: Callable[[], None]) -> None:
        self.reason = reason
        self.install = install


REGISTERED: dict[str, Patch | Addition | Setup] = {}
"""By target, and setups by the name of their function: all that the modules which were imported register."""


def patch(target: str, source: str, reason: str, *, rebind: str = "") -> Callable[[Any], Patch]:
    """Register what is decorated in place of `target`, `module:Class.name` or `module:name`.

    `source` is the `fingerprint` of moto's own. With `rebind`, every module of that package which has imported the
    function by its name gets the replacement, too. What is decorated may be a function, a property, a static or class
    method.
    """
    return lambda replacement: _register(target, Patch(target, source, reason, replacement, rebind))


def addition(target: str, reason: str) -> Callable[[Any], Addition]:
    """Register what is decorated as `target`, which moto does not have."""
    return lambda added: _register(target, Addition(target, reason, added))


def setup(reason: str) -> Callable[[Callable[[], None]], Setup]:
    """Register a function that changes moto in another way than by replacing or adding one."""
    return lambda function: _register(f"{function.__module__}.{function.__qualname__}", Setup(reason, function))


def install_all() -> None:
    """Change moto for the life of this process; a second call does nothing. `Misconfigured` under another moto."""
    global _installed
    with _lock:
        if _installed:
            return
        for module in modules():
            importlib.import_module(module)
        for each in REGISTERED.values():
            each.install()
        _installed = True


def modules() -> Iterator[str]:
    """The modules that change moto, found by their folders' names."""
    import pipeline.emulator

    for found in pkgutil.walk_packages(pipeline.emulator.__path__, "pipeline.emulator."):
        if not found.ispkg and found.name.split(".")[-2] in FOLDERS:
            yield found.name


def located(target: str) -> tuple[Any, str]:
    """The module or class that has `target`, and its name there."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    return owner, name


def fingerprint(function: Any) -> str:
    """12 hex digits of SHA-256 over the source of a function, a property or a method of a class."""
    function = getattr(function, "fget", None) or getattr(function, "__func__", function)
    return hashlib.sha256(inspect.getsource(inspect.unwrap(function)).encode()).hexdigest()[:12]


def _register(key: str, change: _Change) -> _Change:
    if key in REGISTERED:
        raise ValueError(f"{key} is changed twice")
    REGISTERED[key] = change
    return change


def rebind(package: str, name: str, original: Any, replacement: Any) -> None:
    """Set `name` to `replacement` in every loaded module of `package` that has imported `original` under it."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(f"{package}.") and getattr(module, name, None) is original:
            setattr(module, name, replacement)
