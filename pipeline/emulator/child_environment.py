"""What a child that calls AWS sees of this process's environment: hardly anything, and the lake's key."""

from __future__ import annotations

import os

from pipeline.core.lake_key import LakeKey, own_key

_KEPT = ("PATH", "HOME", "LANG")


def child_environment(endpoint: str, region: str, key: LakeKey | None = None) -> dict[str, str]:
    """The variables that AWS's SDKs read, for the embedded AWS at `endpoint`; a developer's own keys stay out.

    `key` is given where that AWS runs in another process than this.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **(key or own_key()).variables(),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
