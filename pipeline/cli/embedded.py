"""The embedded lake's private paths: what no AWS API offers."""

from __future__ import annotations

import hmac
import http.client
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from pipeline.core.errors import Misconfigured, Refused
from pipeline.core.lake_key import NONCE, PROOF, LakeKey
from pipeline.core.settings import KEY_HINT, lake_key, region

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


def prove(endpoint: str, key: LakeKey) -> None:
    """`Refused` unless what answers there has the key as well, and so is the embedded lake and no other service.

    `Misconfigured` if nothing answers.
    """
    url, nonce = f"{endpoint.rstrip('/')}/_sluice/health", secrets.token_hex(16)
    headers = {**signed("GET", url, key), NONCE: nonce}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as answer:  # noqa: S310
            proof = answer.headers.get(PROOF, "")
    except urllib.error.HTTPError:
        proof = ""
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Misconfigured(f"the lake does not answer: {error}", hint="Is it running? See `sluice up`.") from error
    if not hmac.compare_digest(proof.encode(), key.proof(nonce).encode()):
        raise Refused(
            f"what answers at {endpoint} is not the embedded lake whose key is given",
            hint=f"{KEY_HINT} A lake on AWS is named with --profile and --env.",
        )


def hurry_schedules(endpoint: str, datasets: Iterable[str] = ()) -> None:
    """Fire the schedules of these datasets now, or every one, so that nobody waits for their time."""
    call(endpoint, f"hurry?{urlencode([('of', name) for name in datasets])}", "POST")
