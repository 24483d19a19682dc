"""How large a payload may be. Source: "Quotas" of the Step Functions guide."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import patch

LARGEST_PAYLOAD = 262_144
"""Bytes of the JSON text of an input, output or result; as many are allowed, where moto refuses the last one."""


def _is_within(value: Any) -> bool:
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    text = value if isinstance(value, str) else to_json_str(value, separators=(",", ":"))
    return len(text.encode()) <= LARGEST_PAYLOAD


patch(
    "moto.stepfunctions.parser.quotas:is_within_size_quota",
    "744cc11a3a37",
    "moto refuses the last byte that is allowed",
    rebind="moto.stepfunctions",
)(_is_within)
