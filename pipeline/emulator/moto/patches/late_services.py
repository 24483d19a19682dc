"""When moto loads a service."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import install_late, patch


@patch("moto.backends:_import_backend", "2e28baa6595a", "what is seldom used is changed when moto loads it")
def _loaded(module_name: str, backends_name: str) -> Any:
    loaded = _loaded.original(module_name, backends_name)
    install_late(module_name)
    return loaded
