"""A function has one configuration of its asynchronous invocations; moto keeps them all and answers the first."""

from __future__ import annotations

from typing import Any

from pipeline.local.moto_fixes.guard import replace


def install() -> None:
    from moto.awslambda.models import LambdaBackend

    def put(self: Any, function_name: str, config: dict[str, Any]) -> Any:
        answer = original(self, function_name, config)
        kept = self.get_function(function_name).event_invoke_config
        kept[:] = kept[-1:]
        return answer

    original = replace(LambdaBackend, "put_function_event_invoke_config", put, source="5553f19f0894")
