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
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pipeline.core.errors import Misconfigured

FOLDERS = ("patches", "interpreter")

LATE = frozenset({"rds"})
"""Services that few lakes use, and whose part of moto takes most of a second to load: changed when first asked for."""

_Change = TypeVar("_Change", "Patch", "Addition", "Setup")

_lock = threading.Lock()
_installed = False
_late_installed: set[str] = set()


class Patch:
    """What stands in the place of one function, method or property of moto.

    `original` is the function that it replaced, once it is installed: of a property its getter, of a static or class
    method what that was made of. A direct call calls the replacement.
    """

    original: Any

    def __init__(self, target: str, source: str, reason: str, replacement: Any, rebind: str) -> None:
        self.target = target
        self.source = source
        self.reason = reason
        self.replacement = replacement
        self.rebind = rebind
        self.module = str(replacement.__module__)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.replacement(*arguments, **named)

    def install(self) -> None:
        """Put the replacement in its place; `Misconfigured` where moto's source is another, or is not there."""
        owner, name = located(self.target)
        there = inspect.getattr_static(owner, name, None)
        found = fingerprint(there) if there is not None else "none"
        if found != self.source:
            raise Misconfigured(
                f"{self.target} has source {found}, and its patch was written against {self.source}",
                hint="Install the pinned moto, or look at the new source and renew the patch (`make moto-drift`).",
            )
        self.original = _function(there)
        setattr(owner, name, _like(there, self.replacement))
        if self.rebind:
            rebind(self.rebind, name, there, self.replacement)


class Addition:
    """What moto does not have, and gets."""

    def __init__(self, target: str, reason: str, added: Any) -> None:
        self.target = target
        self.reason = reason
        self.added = added
        self.module = str(added.__module__)

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
        self.module = install.__module__


REGISTERED: dict[str, Patch | Addition | Setup] = {}
"""By target, and setups by the name of their function: all that the modules which were imported register."""


def patch(target: str, source: str, reason: str, *, rebind: str = "") -> Callable[[Any], Patch]:
    """Register what is decorated in place of `target`, `module:Class.name` or `module:name`.

    `source` is the `fingerprint` of moto's own. With `rebind`, every module of that package which has imported the
    function by its name gets the replacement, too. What is decorated is a function. It becomes what it replaces: a
    property, a static or class method.
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
            if _service_of(module) not in LATE:
                importlib.import_module(module)
        for each in REGISTERED.values():
            if _service_of(each.module) not in LATE:
                each.install()
        _installed = True


def install_late(service: str) -> None:
    """Change a service of moto that has just been loaded, if it is one of `LATE` and moto is changed at all."""
    with _lock:
        if _installed and service in LATE - _late_installed:
            for each in list(registered().values()):
                if _service_of(each.module) == service:
                    each.install()
            _late_installed.add(service)


def _service_of(module: str) -> str:
    """The folder of `pipeline.emulator` that a module is in; empty for one that is in none."""
    return next(iter(module.removeprefix("pipeline.emulator.").split(".")[:-1]), "")


def registered() -> Mapping[str, Patch | Addition | Setup]:
    """All that changes moto, by target and in the order of its installation."""
    for module in modules():
        importlib.import_module(module)
    return REGISTERED


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
    return digest(source_of(function))


def source_of(function: Any) -> str:
    """The source of a function, a property or a method of a class, below its decorators that keep it."""
    return inspect.getsource(inspect.unwrap(_function(function)))


def digest(source: str) -> str:
    """12 hex digits of SHA-256 over a source."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def _function(attribute: Any) -> Any:
    return getattr(attribute, "fget", None) or getattr(attribute, "__func__", attribute)


def _like(attribute: Any, function: Any) -> Any:
    if isinstance(attribute, property | staticmethod | classmethod):
        return type(attribute)(function)
    return function


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
