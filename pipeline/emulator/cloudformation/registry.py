"""The resource types that are honoured: each service's folder has its own. Importing this module registers all."""

from __future__ import annotations

import importlib
import pkgutil

import pipeline.emulator

for _service in pkgutil.iter_modules(pipeline.emulator.__path__, "pipeline.emulator."):
    if _service.ispkg:
        for _module in pkgutil.iter_modules(importlib.import_module(_service.name).__path__, f"{_service.name}."):
            if _module.name.endswith("resources"):
                importlib.import_module(_module.name)
