"""The only module that makes AWS clients. They are made when first used: importing boto3 costs a quarter second."""

from __future__ import annotations

from functools import cache
from typing import Any

from pipeline.core.settings import endpoint, lake_key, profile, region

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
INVOCATION_S = 900
"""How long a function may take (Lambda quotas, "Function timeout"): whoever invokes it waits so long."""
ATTEMPTS = 5


@cache
def client(service: str) -> Any:
    """A boto3 client of `service`, with bounded time-outs and retries; the endpoint comes from the environment."""
    import boto3
    from botocore.config import Config

    if boto3.DEFAULT_SESSION is None:
        from pipeline.core.service_models import session

        boto3.setup_default_session(botocore_session=session())
    s3 = {"addressing_style": "path"} if endpoint() else {}
    # CloudFormation allows few calls a second, and a lake has a stack for each dataset.
    patient = service == "cloudformation"
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=INVOCATION_S + READ_TIMEOUT_S if service == "lambda" else READ_TIMEOUT_S,
        retries={
            "mode": "adaptive" if patient else "standard",
            "total_max_attempts": 3 * ATTEMPTS if patient else ATTEMPTS,
        },
        s3=s3,
    )
    # Passed explicitly: boto3 keeps the first credentials that it finds, but a process may change to another lake.
    key = lake_key()
    signing = {"aws_access_key_id": key.id, "aws_secret_access_key": key.secret} if key else {}
    return boto3.client(service, config=config, **signing)


def session() -> Any:
    """A boto3 session with the credentials of this process's clients, for a library that makes its own clients."""
    import boto3

    client("glue")
    key = lake_key()
    if key is None:
        return boto3.DEFAULT_SESSION
    return boto3.Session(aws_access_key_id=key.id, aws_secret_access_key=key.secret, region_name=region())


def iceberg_properties() -> dict[str, str]:
    """Properties for PyIceberg's Glue catalog, with the endpoints: PyIceberg ignores AWS_ENDPOINT_URL."""
    properties = {"type": "glue", "client.region": region()}
    if url := endpoint():
        properties |= {"glue.endpoint": url, "s3.endpoint": url, "s3.force-virtual-addressing": "false"}
    if profile():
        properties["py-io-impl"] = "pipeline.lake.tables.profiles.ProfileIO"
    return properties


def s3_credentials() -> dict[str, str]:
    """The current credentials of this process's clients, as PyIceberg's properties; empty if there are none.

    They are renewed if they are about to expire.
    """
    import boto3

    client("s3")
    # The session of the clients: a second session would ask for another code where a profile requires MFA.
    credentials = boto3.DEFAULT_SESSION.get_credentials() if boto3.DEFAULT_SESSION else None
    if credentials is None:
        return {}
    now = credentials.get_frozen_credentials()
    names = {"s3.access-key-id": now.access_key, "s3.secret-access-key": now.secret_key, "s3.session-token": now.token}
    return {name: value for name, value in names.items() if value}
