"""Logs of a Lambda function, by Powertools. Separate from `logs`, because Glue jobs do not have Powertools."""

from __future__ import annotations

from aws_lambda_powertools.logging import Logger

from pipeline.core.telemetry.logs import install_handler


def log_as_function(service: str) -> None:
    """Log everything in this process as JSON lines of `service` from now on, by Powertools.

    Of libraries, only warnings and errors are logged.
    """
    install_handler(Logger(service=service, utc=True, use_rfc3339=True).registered_handler)
