"""One small function a CloudFormation type. Importing this package fills the registry."""

from __future__ import annotations

from pipeline.emulator.awslambda import resources, version_resources
from pipeline.emulator.cicd import resources
from pipeline.emulator.cloudwatch import resources
from pipeline.emulator.dynamodb import resources
from pipeline.emulator.eventbridge import resources
from pipeline.emulator.glue import resources
from pipeline.emulator.iam import resources
from pipeline.emulator.kms import resources
from pipeline.emulator.lakeformation import resources
from pipeline.emulator.logs import resources
from pipeline.emulator.s3 import resources
from pipeline.emulator.sns import resources
from pipeline.emulator.sqs import resources
from pipeline.emulator.ssm import resources
from pipeline.emulator.stepfunctions import resources

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
