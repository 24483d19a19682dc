"""The engine of state machines alone, for their tests: no functions, jobs or schedules, and no Spark."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.lake_key import own_key

REGION = "eu-west-1"


def local_client(endpoint: str) -> Any:
    """A client of the engine at `endpoint`, which may be AWS's own for a laptop, that takes any key."""
    import boto3

    return boto3.client(
        "stepfunctions",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=own_key().id,
        aws_secret_access_key=own_key().secret,
    )


@contextmanager
def machine_engine(mocks: Path) -> Iterator[Any]:
    """A client of an empty embedded AWS in this process whose test cases are those of the file `mocks`."""
    from pipeline.emulator.gateway.server import AwsServer, environment
    from pipeline.emulator.stepfunctions.test_cases import MOCK_CONFIG

    with tempfile.TemporaryDirectory(prefix="sluice-test-") as folder, environment(**{MOCK_CONFIG: str(mocks)}):
        front = AwsServer(0, Path(folder))
        front.start()
        try:
            yield local_client(front.endpoint)
        finally:
            front.stop()
