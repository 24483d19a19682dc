"""The deployed parts that the echo flow is told of."""

from __future__ import annotations

from pipeline.core.settings import FlowSetting


class Setting(FlowSetting):
    """One part of the echo flow."""

    ECHO_MACHINE = "echo-machine"
