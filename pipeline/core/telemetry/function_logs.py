"""Logs of a Lambda function, by Powertools. Apart from `logs`, so that Glue jobs do without it."""

from __future__ import annotations

from aws_lambda_powertools.logging import Logger

from pipeline.core.telemetry.logs import take_over


def of_function(service: str) -> None:
    """From now on everything that this process logs is a JSON line of `service`, by Powertools.

    Libraries are heard from warnings on.
    """
    take_over(Logger(service=service, utc=True, use_rfc3339=True).registered_handler)
