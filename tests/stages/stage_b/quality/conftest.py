"""One embedded AWS and one JVM with Deequ and Iceberg for this folder's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from pipeline.core.clients import client
from pipeline.emulator.gateway.server import AwsServer
from pipeline.emulator.glue.spark.session import WarmSpark
from pipeline.toolchain.jars import ensure_jars
from pipeline.toolchain.java import java_home


@pytest.fixture(scope="package")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    running = AwsServer(0, tmp_path_factory.mktemp("front"))
    running.start()
    client.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        boto3.client("s3").create_bucket(
            Bucket="curated", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        yield running
    client.cache_clear()
    running.stop()


@pytest.fixture(scope="package")
def spark(front: AwsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    warm = WarmSpark(ensure_jars(), java_home(), front.endpoint, tmp_path_factory.mktemp("spark"), warm_up=False)
    warm.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in warm.attachment().environment().items():
                patch.setenv(name, value)
            from pyspark.sql import SparkSession

            session = SparkSession.builder.getOrCreate()
            # Ten rows and a hundred rules: compiling their plans would take ten times as long as running them.
            session.conf.set("spark.sql.codegen.wholeStage", "false")
            session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
            session.conf.set("spark.sql.shuffle.partitions", "1")
            session.conf.set("spark.sql.adaptive.enabled", "false")
            yield session
            session.stop()
            _forget_gateway()
    finally:
        warm.stop()


def _forget_gateway() -> None:
    """pyspark keeps the gateway to the JVM in class attributes, and another folder's tests have another JVM."""
    from pyspark import SparkContext

    SparkContext._gateway = None
    SparkContext._jvm = None
    assert "PYSPARK_GATEWAY_PORT" in os.environ
