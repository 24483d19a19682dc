"""What Step Functions keeps of a state machine: its configuration, versions, aliases, tags and running executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.emulator.stepfunctions.execution import Execution

STANDARD = "STANDARD"
ENCRYPTION = {"type": "AWS_OWNED_KEY"}
TRACING = {"enabled": False}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an update changes and a version keeps. The last three are as the API gives them."""

    definition: str
    role_arn: str
    logging: Mapping[str, Any]
    tracing: Mapping[str, Any]
    encryption: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """A published revision of a machine. `revision_id` is None for the revision that the machine was made with."""

    arn: str
    number: int
    name: str
    configuration: Configuration
    description: str | None
    revision_id: str | None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(eq=False, slots=True)
class Alias:
    """A name for one or two versions; `routes` are as the API gives them."""

    arn: str
    name: str
    routes: list[dict[str, Any]]
    description: str | None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(eq=False, slots=True)
class Machine:
    """A state machine as it is now. `executions` are those that run; `latest` is its newest version, unless deleted."""

    arn: str
    name: str
    configuration: Configuration
    tags: dict[str, str] = field(default_factory=dict)
    revision_id: str | None = None
    versions: dict[int, Version] = field(default_factory=dict)
    latest: Version | None = None
    last_version: int = 0
    aliases: dict[str, Alias] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
