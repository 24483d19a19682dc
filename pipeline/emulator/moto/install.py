"""Apply every fix of the state server, once a process."""

from __future__ import annotations

import importlib
import threading

from pipeline.emulator.moto import patch

_PARTS = (
    "sqs.patches.queues",
    "sns.patches.topics",
    "sns.patches.subscriptions",
    "s3.patches.notifications",
    "s3.patches.bodies",
    "s3.patches.checksums",
    "s3.patches.reads",
    "s3.patches.uploads",
    "s3.patches.responses",
    "logs.patches.streams",
    "s3.patches.bucket_policies",
    "iam.patches.policies",
    "glue.patches.catalog",
    "glue.patches.jobs",
    "dynamodb.patches.calls",
    "dynamodb.patches.order",
    "dynamodb.patches.updates",
    "dynamodb.patches.answers",
    "dynamodb.patches.streams",
    "dynamodb.patches.checks",
    "eventbridge.patches.rules",
    "eventbridge.patches.schedule_groups",
)
"""Modules of the embedded AWS with a function `install`, in the order in which they are applied."""

_lock = threading.Lock()
_installed = False


def install_all() -> None:
    """Change moto for the life of this process; a second call does nothing. `Misconfigured` under another moto."""
    global _installed
    with _lock:
        if _installed:
            return
        patch.install_all()
        for part in _PARTS:
            importlib.import_module(f"pipeline.emulator.{part}").install()
        _installed = True
