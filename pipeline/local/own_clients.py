"""Clients that the embedded AWS's own parts make of its endpoint, each saying who calls."""

from __future__ import annotations

from functools import cache
from typing import Any

_CREDENTIAL = "local"


@cache
def own_client(service: str, region: str, endpoint: str, caller: str) -> Any:
    """A client with the credentials that every program has locally; `caller` stands in its User-Agent."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=_CREDENTIAL,
        aws_secret_access_key=_CREDENTIAL,
        config=Config(user_agent_appid=caller, retries={"mode": "standard", "total_max_attempts": 3}),
    )
