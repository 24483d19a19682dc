"""Lambda and what acts around it on a running front: real workers, pollers and logs, with quick retries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.emulator.awslambda.async_invocations import AsyncInvocations
from pipeline.emulator.awslambda.event_sources.mappings import EventSources
from pipeline.emulator.awslambda.patches import functions
from pipeline.emulator.awslambda.worker_pool import LambdaWorkers
from pipeline.emulator.gateway.server import AwsServer
from pipeline.emulator.logs.output import LogSink
from pipeline.emulator.logs.subscriptions import Subscriptions
from tests.emulator.awslambda.lambda_parts import ACCOUNT, REGION, Parts, interpreter

RETRY_AFTER_S = (0.05, 0.1)


@pytest.fixture(scope="module")
def parts(front: AwsServer, aws: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    aws("iam").create_role(RoleName="lambda", AssumeRolePolicyDocument=json.dumps(trust))
    logs = LogSink(ACCOUNT, REGION)
    workers = LambdaWorkers(front.endpoint, tmp_path_factory.mktemp("lambda"), logs.write, interpreter=interpreter())
    later = AsyncInvocations(
        workers.invoke,
        front.endpoint,
        resolve=functions.resolve,
        retry_after_s=RETRY_AFTER_S,
        throttled_again_s=(0.05, 0.1),
    )
    sources = EventSources(
        front.endpoint, lambda arn, event: workers.invoke(functions.resolve(arn), event), retry_s=(0.05, 0.2)
    )
    functions.run_by(workers.invoke, later.submit)
    subscriptions = Subscriptions(lambda arn, event: later.submit(functions.resolve(arn), event), gather_s=0.1)
    started = (logs, workers, later, subscriptions, sources)
    for part in started:
        part.start()
    yield Parts(front, aws, workers, later, sources, logs)
    for part in reversed(started):
        part.stop()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[LambdaWorkers]:
    """Workers alone, without a front: their log goes nowhere."""
    alone = LambdaWorkers("http://127.0.0.1:9", tmp_path, lambda group, stream, lines: None, interpreter=interpreter())
    alone.start()
    yield alone
    alone.stop()
