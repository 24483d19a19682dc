"""Lambda entry points: what every function does around its own work, whatever flow it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from pipeline.core.aws_errors import is_throttled, is_transient
from pipeline.core.errors import Throttled, Transient
from pipeline.core.settings import running_handler
from pipeline.core.telemetry.logs import log_context

Services = TypeVar("Services")


def entry_point(
    function: Callable[[dict[str, Any], Services], Any], services: Callable[[], Services]
) -> Callable[[dict[str, Any], object], Any]:
    """Make a Lambda entry point of `function(event, services)`; `services` gives those of its flow, at each call.

    AWS errors that may pass are raised as `Transient`, or as `Throttled` where calls come too fast. The function that
    this process runs logs by the name of its stage and its own.
    """
    if running_handler() == f"{function.__module__}.{function.__name__}":
        from pipeline.core.telemetry.function_logs import log_as_function

        log_as_function(f"{function.__module__.split('.')[1]}.{function.__name__}")

    @wraps(function)
    def entry(event: dict[str, Any], context: Any) -> Any:
        with log_context(request_id=context.aws_request_id):
            try:
                return function(event, services())
            except Exception as error:
                if is_transient(error):
                    kind = Throttled if is_throttled(error) else Transient
                    raise kind(f"{type(error).__name__}: {error}") from error
                raise

    return entry
