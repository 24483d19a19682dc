"""How large a payload may be, and that no wildcard catches the error of one that is larger.

Source: "Quotas" and "Handling errors in Step Functions workflows" of the Step Functions guide.
"""

from __future__ import annotations

import sys
from typing import Any

from pipeline.local.moto_fixes.guard import replace

LARGEST_PAYLOAD = 262_144
"""Bytes of the JSON text of an input, output or result; as many are allowed, where moto refuses the last one."""


def install() -> None:
    import moto.stepfunctions.parser.models  # noqa: F401  imports every module that bound the name
    from moto.stepfunctions.parser import quotas
    from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (
        StateTaskServiceDynamoDB,
    )

    def eval_body(self: Any, env: Any) -> None:
        """`States.ALL` and `States.TaskFailed` stand for every error but this one."""
        name = env.stack[-1]
        if getattr(name, "error_name", None) == "States.DataLimitExceeded":
            env.stack[-1] = name in self.error_names
            return
        original_eval(self, env)

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        """moto calls every error of this service but the service's own an exception of DynamoDB."""
        return ex.failure_event if isinstance(ex, FailureEventException) else original_from_error(self, env, ex)

    original = replace(quotas, "is_within_size_quota", _is_within, source="744cc11a3a37")
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.") and getattr(module, "is_within_size_quota", None) is original:
            module.is_within_size_quota = _is_within  # type: ignore[attr-defined]
    original_eval = replace(ErrorEqualsDecl, "_eval_body", eval_body, source="aeda14a0cc01")
    original_from_error = replace(StateTaskServiceDynamoDB, "_from_error", from_error, source="a27eaf8b4975")


def _is_within(value: Any) -> bool:
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    text = value if isinstance(value, str) else to_json_str(value, separators=(",", ":"))
    return len(text.encode()) <= LARGEST_PAYLOAD
