"""Replace a function of moto only if its source is the one that the replacement was written against."""

from __future__ import annotations

import hashlib
import inspect
import sys
from typing import Any

from pipeline.core.errors import Misconfigured


def fingerprint(function: Any) -> str:
    """12 hex digits of SHA-256 over the function's source."""
    return hashlib.sha256(inspect.getsource(inspect.unwrap(function)).encode()).hexdigest()[:12]


def rebind(package: str, name: str, original: Any, replacement: Any) -> None:
    """Set `name` to `replacement` in every loaded module of `package` that has imported `original` under it."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(f"{package}.") and getattr(module, name, None) is original:
            setattr(module, name, replacement)


def replace(owner: Any, name: str, replacement: Any, *, source: str) -> Any:
    """Set `owner.name` to `replacement` and return the original.

    `source` is the original's `fingerprint`; a different one means another moto: `Misconfigured`.
    """
    original = inspect.getattr_static(owner, name)
    function = getattr(original, "fget", None) or getattr(original, "__func__", original)
    found = fingerprint(function)
    if found != source:
        where = f"{getattr(owner, '__module__', '')}.{getattr(owner, '__name__', owner)}.{name}"
        raise Misconfigured(
            f"{where} has source {found}, and its fix was made for {source}",
            hint="Install the pinned moto, or look at the new source and renew the fix.",
        )
    setattr(owner, name, replacement)
    return original
