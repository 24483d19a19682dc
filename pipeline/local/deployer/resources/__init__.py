"""One small function a CloudFormation type. Importing this package fills the registry."""

from __future__ import annotations

from pipeline.local.deployer.resources import (
    buckets,
    delivery,
    events,
    functions,
    glue,
    keys,
    lake_formation,
    logs,
    machines,
    parameters,
    queues,
    roles,
    tables,
    topics,
    versions,
    watching,
)

__all__ = [
    "buckets",
    "delivery",
    "events",
    "functions",
    "glue",
    "keys",
    "lake_formation",
    "logs",
    "machines",
    "parameters",
    "queues",
    "roles",
    "tables",
    "topics",
    "versions",
    "watching",
]
