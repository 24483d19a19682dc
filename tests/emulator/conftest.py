"""A running front for each test module that asks for one, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pipeline.emulator.gateway.server import AwsServer

REGION = "eu-west-1"
ACCOUNT = "123456789012"

Aws = Callable[[str], Any]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    running = AwsServer(0, tmp_path_factory.mktemp("front"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def aws(front: AwsServer) -> Aws:
    """`aws("s3")` is the module's client of the front. Calls are tried once, so that an internal error shows."""

    @cache
    def client(service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32, s3={"addressing_style": "path"})
        return boto3.client(
            service,
            endpoint_url=front.endpoint,
            region_name=REGION,
            config=config,
        )

    return client
