"""The embedded lake's private paths, for what no AWS API offers."""

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
    """The JSON answer of `/_sluice/<path>`. The request is signed with `key`, or the key of this process's clients."""
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
    """Check that the service at `endpoint` has the key too, and so is the embedded lake; `Refused` if not.

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
            f"the service at {endpoint} is not the embedded lake of the given key",
            hint=f"{KEY_HINT} A lake on AWS is named with --profile and --env.",
        )


def run_schedules_now(endpoint: str, datasets: Iterable[str] = ()) -> None:
    """Run the schedules of these datasets now, or all schedules if none is given."""
    call(endpoint, f"hurry?{urlencode([('of', name) for name in datasets])}", "POST")
