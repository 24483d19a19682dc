"""How large a payload may be. Source: "Quotas" of the Step Functions guide."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.guard import rebind, replace

LARGEST_PAYLOAD = 262_144
"""Bytes of the JSON text of an input, output or result; as many are allowed, where moto refuses the last one."""


def install() -> None:
    import moto.stepfunctions.parser.models  # noqa: F401  imports every module that bound the name
    from moto.stepfunctions.parser import quotas

    original = replace(quotas, "is_within_size_quota", _is_within, source="744cc11a3a37")
    rebind("moto.stepfunctions", "is_within_size_quota", original, _is_within)


def _is_within(value: Any) -> bool:
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    text = value if isinstance(value, str) else to_json_str(value, separators=(",", ":"))
    return len(text.encode()) <= LARGEST_PAYLOAD
