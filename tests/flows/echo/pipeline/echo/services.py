"""Assembles the services of the echo flow's handlers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from pipeline.echo.settings import Setting

from pipeline.core.clients import client
from pipeline.core.executions import Executions
from pipeline.core.handler import entry_point
from pipeline.core.settings import Settings


class Echo:
    """The services of the echo flow."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def executions(self) -> Executions:
        return Executions(client("stepfunctions"))

    @property
    def machine(self) -> str:
        return self.settings[Setting.ECHO_MACHINE]


@cache
def echo() -> Echo:
    return Echo(Settings.from_environment())


def handler(function: Callable[[dict[str, Any], Echo], Any]) -> Callable[[dict[str, Any], object], Any]:
    """Make a Lambda entry point of `function(event, echo)`."""
    return entry_point(function, echo)
