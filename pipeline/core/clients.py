"""The only module that makes AWS clients. They are made when first used: importing boto3 costs a quarter second."""

from __future__ import annotations

from functools import cache
from typing import Any

from pipeline.core.settings import endpoint, lake_key, profile, region

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
ATTEMPTS = 5


@cache
def client(service: str) -> Any:
    """A boto3 client of `service`, with bounded time-outs and retries; the endpoint comes from the environment."""
    import boto3
    from botocore.config import Config

    s3 = {"addressing_style": "path"} if endpoint() else {}
    # CloudFormation takes few calls a second of an account, and a lake has a stack for each dataset.
    patient = service == "cloudformation"
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={
            "mode": "adaptive" if patient else "standard",
            "total_max_attempts": 3 * ATTEMPTS if patient else ATTEMPTS,
        },
        s3=s3,
    )
    # boto3 keeps the credentials that it found first; a process may come to speak to another lake.
    key = lake_key()
    signing = {"aws_access_key_id": key.id, "aws_secret_access_key": key.secret} if key else {}
    return boto3.client(service, config=config, **signing)


def iceberg_properties() -> dict[str, str]:
    """Properties for PyIceberg's Glue catalog. Its S3 and Glue ignore AWS_ENDPOINT_URL, so it is passed."""
    properties = {"type": "glue", "client.region": region()}
    if url := endpoint():
        properties |= {"glue.endpoint": url, "s3.endpoint": url, "s3.force-virtual-addressing": "false"}
    if profile():
        properties["py-io-impl"] = "pipeline.lake.tables.profiles.ProfileIO"
    return properties


def s3_credentials() -> dict[str, str]:
    """What this process's clients sign with now, renewed if it is about to expire, as PyIceberg names it."""
    import boto3

    client("s3")
    # The session of the clients: another would ask a person for a second code, where a profile wants one.
    found = boto3.DEFAULT_SESSION.get_credentials() if boto3.DEFAULT_SESSION else None
    if found is None:
        return {}
    now = found.get_frozen_credentials()
    names = {"s3.access-key-id": now.access_key, "s3.secret-access-key": now.secret_key, "s3.session-token": now.token}
    return {name: value for name, value in names.items() if value}
