"""Apply every fix of the state server, once a process."""

from __future__ import annotations

import importlib
import threading

_PARTS = (
    "memory",
    "dispatch",
    "sqs",
    "sqs_attributes",
    "sns",
    "sns_subscriptions",
    "s3_notifications",
    "s3_bodies",
    "s3_checksums",
    "s3_reads",
    "s3_uploads",
    "s3",
    "logs",
    "bucket_policies",
    "policies",
    "glue_catalog",
    "glue_jobs",
    "dynamodb",
    "dynamodb_order",
    "dynamodb_updates",
    "dynamodb_answers",
    "dynamodb_streams",
    "dynamodb_checks",
    "event_rules",
    "schedule_groups",
    "stepfunctions_aborts",
    "stepfunctions_turns",
    "stepfunctions_callbacks",
    "stepfunctions_clients",
    "stepfunctions_json",
    "stepfunctions_paths",
    "stepfunctions_engine",
    "stepfunctions_failures",
    "stepfunctions_handlers",
    "stepfunctions_jsonata",
    "stepfunctions_intrinsics",
    "stepfunctions_choices",
    "stepfunctions_integrations",
    "stepfunctions_service_errors",
    "stepfunctions_tasks",
    "stepfunctions_test_cases",
    "stepfunctions_mocked",
    "stepfunctions_versions",
    "stepfunctions_executions",
    "stepfunctions_reads",
    "stepfunctions_history",
    "stepfunctions_redrive",
    "stepfunctions_limits",
    "stepfunctions_definitions",
    "stepfunctions_logs",
)
"""Modules of this package with a function `install`, in the order in which they are applied."""

_lock = threading.Lock()
_installed = False


def install_all() -> None:
    """Change moto for the life of this process; a second call does nothing. `Misconfigured` under another moto."""
    global _installed
    with _lock:
        if _installed:
            return
        for part in _PARTS:
            importlib.import_module(f"pipeline.emulator.moto.{part}").install()
        _installed = True
