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
            glue_job_updates,
            lambda_invoke_configs,
            memory,
            s3,
            s3_notifications,
            sns,
            sqs,
            stepfunctions_clients,
            stepfunctions_engine,
            stepfunctions_executions,
            stepfunctions_integrations,
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
            glue_job_updates,
            lambda_invoke_configs,
            dynamodb,
            event_rules,
            stepfunctions_clients,
            stepfunctions_engine,
            stepfunctions_integrations,
            stepfunctions_test_cases,
            stepfunctions_executions,
        )
        for part in parts:
            part.install()
        _installed = True
