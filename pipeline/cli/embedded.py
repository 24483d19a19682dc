"""The embedded lake's private paths: what no AWS API offers."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from pipeline.errors import Misconfigured
from pipeline.lake_key import LakeKey
from pipeline.settings import KEY_HINT, lake_key, region

TIMEOUT_S = 10
SERVICE = "sluice"


def call(endpoint: str, path: str, method: str = "GET", key: LakeKey | None = None) -> Any:
    """The JSON answer of `/_sluice/<path>`, signed with `key`, or as this process's AWS clients sign."""
    url = f"{endpoint}/_sluice/{path}"
    request = urllib.request.Request(url, method=method, headers=signed(method, url, key))  # noqa: S310 - our own loopback
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        return json.load(answer)


def signed(method: str, url: str, key: LakeKey | None = None) -> dict[str, str]:
    """The headers of a request of this method and address; `Misconfigured` without a lake's key."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, url)
    signing = key or lake_key()
    if signing is None:
        raise Misconfigured(f"the key of the lake at {url} is not known", hint=KEY_HINT)
    SigV4Auth(Credentials(signing.id, signing.secret), SERVICE, region()).add_auth(request)
    return dict(request.headers.items())


def hurry_schedules(endpoint: str) -> None:
    """Fire every schedule now, so that nobody waits for its time."""
    call(endpoint, "hurry", "POST")
