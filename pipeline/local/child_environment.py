"""What a child that calls AWS sees of this process's environment: hardly anything, and dummy credentials."""

from __future__ import annotations

import os

_KEPT = ("PATH", "HOME", "LANG")


def child_environment(endpoint: str, region: str) -> dict[str, str]:
    """The variables that AWS's SDKs read, for the embedded AWS at `endpoint`; a developer's own keys stay out."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
