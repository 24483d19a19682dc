"""Which backend makes the stacks of the lake that a command speaks to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cli.plans import say_progress

if TYPE_CHECKING:
    from pipeline.deploy.engine import Backend


def backend_of(env: str, *, is_embedded: bool, replace_stateful: bool = False, quiet: bool = True) -> Backend:
    """The backend of an environment; each imports its own part alone.

    Unless `quiet`, what CloudFormation does is printed resource by resource. `Refused` if the environment of an account
    is not bootstrapped.
    """
    if is_embedded:
        from pipeline.deploy.embedded import EmbeddedBackend

        return EmbeddedBackend(env, replace_stateful=replace_stateful)
    from pipeline.deploy.aws import AwsBackend, environment

    report = (lambda progress: None) if quiet else say_progress
    return AwsBackend(environment(env), report, replace_stateful=replace_stateful)
