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
            dynamodb_streams,
            event_rules,
            glue_catalog,
            glue_jobs,
            logs,
            memory,
            policies,
            s3,
            s3_notifications,
            sns,
            sns_subscriptions,
            sqs,
            stepfunctions_callbacks,
            stepfunctions_clients,
            stepfunctions_definitions,
            stepfunctions_engine,
            stepfunctions_executions,
            stepfunctions_failures,
            stepfunctions_handlers,
            stepfunctions_history,
            stepfunctions_integrations,
            stepfunctions_json,
            stepfunctions_jsonata,
            stepfunctions_limits,
            stepfunctions_paths,
            stepfunctions_reads,
            stepfunctions_redrive,
            stepfunctions_service_errors,
            stepfunctions_test_cases,
        )

        parts = (
            memory,
            dispatch,
            sqs,
            sns,
            sns_subscriptions,
            logs,
            s3_notifications,
            s3,
            bucket_policies,
            policies,
            glue_catalog,
            glue_jobs,
            dynamodb,
            dynamodb_streams,
            event_rules,
            stepfunctions_callbacks,
            stepfunctions_clients,
            stepfunctions_json,
            stepfunctions_paths,
            stepfunctions_engine,
            stepfunctions_failures,
            stepfunctions_handlers,
            stepfunctions_jsonata,
            stepfunctions_integrations,
            stepfunctions_service_errors,
            stepfunctions_test_cases,
            stepfunctions_executions,
            stepfunctions_reads,
            stepfunctions_history,
            stepfunctions_redrive,
            stepfunctions_limits,
            stepfunctions_definitions,
        )
        for part in parts:
            part.install()
        _installed = True
