"""Chooses the backend that deploys the stacks of a command's lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.deploy.engine import Backend


def backend_of(env: str, *, is_embedded: bool) -> Backend:
    """The backend of an environment, which refuses to lose what resources hold; each imports its own part alone.

    `Refused` if the environment of an account is not bootstrapped.
    """
    if is_embedded:
        from pipeline.deploy.embedded import EmbeddedBackend

        return EmbeddedBackend(env, replace_stateful=False)
    from pipeline.deploy.aws import AwsBackend, environment

    return AwsBackend(environment(env))
