"""An embedded AWS, and a deployer on it that takes templates as text."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pipeline.emulator.cloudformation import Deployer, StackResult
from pipeline.emulator.gateway.server import AwsServer

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    front = AwsServer(0, tmp_path_factory.mktemp("state"))
    front.start()
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            made[service] = boto3.client(
                service,
                endpoint_url=front.endpoint,
                region_name="eu-west-1",
                config=config,
            )
        return made[service]

    yield client
    front.stop()


@pytest.fixture
def deployer(clients: Clients) -> Deployer:
    return Deployer(clients, "123456789012", "eu-west-1")


@pytest.fixture(scope="session")
def zip_of_a_function() -> bytes:
    """Code whose handler is `a.b`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "def b(event, context): return event")
    return buffer.getvalue()


_numbers = itertools.count()


@pytest.fixture
def deploy(deployer: Deployer, tmp_path: Path) -> Deploy:
    """Deploys a template given as text, under a name of its own unless one is given."""

    def run(text: str, stack: str | None = None, **parameters: Any) -> StackResult:
        path = tmp_path / "template.yaml"
        path.write_text(text)
        return deployer.deploy(stack or f"stack-{next(_numbers)}", path, parameters)

    return run
