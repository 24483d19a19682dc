"""Apply every fix of the state server, once a process."""

from __future__ import annotations

import threading

_lock = threading.Lock()
_installed = False


def install_all() -> None:
    """Change moto for the life of this process; a second call does nothing. `Misconfigured` under another moto."""
    global _installed
    with _lock:
        if _installed:
            return
        from pipeline.local.moto_fixes import (
            bucket_policies,
            dispatch,
            dynamodb,
            event_rules,
            glue_catalog,
            memory,
            s3,
            s3_notifications,
            sns,
            sqs,
            stepfunctions_aborts,
            stepfunctions_callbacks,
            stepfunctions_clients,
            stepfunctions_engine,
            stepfunctions_executions,
            stepfunctions_failures,
            stepfunctions_integrations,
            stepfunctions_json,
            stepfunctions_jsonata,
            stepfunctions_paths,
            stepfunctions_service_errors,
            stepfunctions_tasks,
            stepfunctions_test_cases,
        )

        parts = (
            memory,
            dispatch,
            sqs,
            sns,
            s3_notifications,
            s3,
            bucket_policies,
            glue_catalog,
            dynamodb,
            event_rules,
            stepfunctions_aborts,
            stepfunctions_callbacks,
            stepfunctions_clients,
            stepfunctions_json,
            stepfunctions_paths,
            stepfunctions_engine,
            stepfunctions_failures,
            stepfunctions_jsonata,
            stepfunctions_integrations,
            stepfunctions_service_errors,
            stepfunctions_tasks,
            stepfunctions_test_cases,
            stepfunctions_executions,
        )
        for part in parts:
            part.install()
        _installed = True
