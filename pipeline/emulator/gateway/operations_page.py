"""Makes docs/reference/embedded-aws.md of the review of operations. Run as a module, it writes the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.emulator.gateway.operations import ALL_OTHERS, PAGE, Entry, Kind, reviewed

TITLES = {
    "s3": "S3",
    "sqs": "SQS",
    "sns": "SNS",
    "dynamodb": "DynamoDB and its streams",
    "lambda": "Lambda",
    "states": "Step Functions",
    "events": "EventBridge",
    "scheduler": "EventBridge Scheduler",
    "glue": "Glue",
    "ssm": "Systems Manager",
    "secretsmanager": "Secrets Manager",
    "kms": "KMS",
    "rds": "RDS",
    "logs": "CloudWatch Logs",
    "sts": "STS",
    "iam": "IAM",
    "cloudwatch": "CloudWatch",
    "apigateway": "API Gateway",
    "cloudformation": "CloudFormation",
}

INTRODUCTION = """\
# What the embedded AWS does, and what it does not

<!-- Made by `python -m pipeline.emulator.gateway.operations_page` from each service's operations.yaml. -->

It exists for data lakes of this kind. What the lake uses, and what somebody who extends it would naturally use, behaves
as on AWS; the rest is refused with an error that names the operation (`NotImplemented`, status 501, which SDKs do not
repeat). An operation that is not on this page was not looked at, and is refused too; so is every other service.

## Limits of the whole

- It forgets everything on `sluice down`, and all its state is in memory.
- IAM, bucket, queue and key policies, those of a Glue run's session, and TLS are not enforced: whoever has its key may
  do everything. Test permissions on AWS.
- Each lake makes a random key when it starts. Calls are answered if they are signed with it (Signature Version 4;
  payloads that a client leaves unsigned are not verified) and come from no browser: `eval "$(sluice env)"` gives it.
- Nothing throttles.
- Alarms are never evaluated: they keep their state, and none fires.
- A template's properties that are accepted without effect are counted by `sluice up`; all others that are not honoured
  are errors.
- One account, 123456789012, and one region.
- Its size: about 100 executions/s, objects up to about 100 MB, queues of a few thousand messages.
- One Glue job runs at a time; others wait. Over MaxConcurrentRuns a run is WAITING where it is queued, else refused.
  Jobs are Spark scripts; `GlueContext` is refused.
- Functions are zip archives for Python. They see their own package, then their layers, which `sluice up` deploys empty,
  then the packages of `.venv`; of the file system only `TMPDIR` is theirs. A function has four workers: what comes
  beyond them waits, or is throttled where concurrency is reserved. A version of a function runs the zip that it was
  published with; the packages of `.venv` are the same for all versions.
- An alias leads to its new version at once: nothing is rolled out gradually, and nothing goes back by an alarm.
- EventBridge tries a target for five minutes, AWS for a day; a failed batch of a stream waits for at most 30 s.
- DynamoDB refuses what AWS's own DynamoDB Local refuses: malformed expressions, values, keys and batches. The tests of
  the catalog run against both.
"""


def page() -> str:
    """The whole page, as Markdown."""
    parts = [INTRODUCTION]
    for service, entries in reviewed().items():
        parts.append(f"## {TITLES[service]}\n\n" + "\n".join(_lines(entries)) + "\n")
    return "\n".join(parts)


def _lines(entries: tuple[Entry, ...]) -> Iterator[str]:
    honoured = [name for entry in entries if entry.kind is Kind.HONOURED for name in entry.operations]
    if honoured:
        yield f"As on AWS: {_named(honoured)}.\n"
    for kind, title in ((Kind.LIMITED, "With limits"), (Kind.REFUSED, "Refused")):
        found = [entry for entry in entries if entry.kind is kind]
        if not found:
            continue
        yield f"| {title} | why |\n|---|---|"
        yield "\n".join(f"| {_named(entry.operations)} | {entry.because} |" for entry in found) + "\n"


def _named(operations: list[str] | tuple[str, ...]) -> str:
    return ", ".join("every operation" if name == ALL_OTHERS else f"`{name}`" for name in operations)


if __name__ == "__main__":
    (Path(__file__).parents[3] / PAGE).write_text(page())
