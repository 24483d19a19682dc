"""Clients that the embedded AWS's own parts make of its endpoint, each saying who calls."""

from __future__ import annotations

from functools import cache
from typing import Any

from pipeline.core.lake_key import own_key


@cache
def own_client(service: str, region: str, endpoint: str, caller: str) -> Any:
    """A client with the key of the embedded AWS of this process; `caller` stands in its User-Agent."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=own_key().id,
        aws_secret_access_key=own_key().secret,
        config=Config(user_agent_appid=caller, retries={"mode": "standard", "total_max_attempts": 3}),
    )
