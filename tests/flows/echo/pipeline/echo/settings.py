"""The deployed resources of the echo flow."""

from __future__ import annotations

from pipeline.core.settings import FlowSetting


class Setting(FlowSetting):
    """A deployed resource of the echo flow."""

    ECHO_MACHINE = "echo-machine"
