"""Chooses the backend that deploys the stacks of a command's lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cli.plans import say_progress

if TYPE_CHECKING:
    from pipeline.deploy.engine import Backend


def backend_of(env: str, *, is_embedded: bool, replace_stateful: bool = False, quiet: bool = True) -> Backend:
    """The backend of an environment; only its own modules are imported.

    Unless `quiet`, CloudFormation's progress is printed resource by resource. `Refused` if an environment on AWS is not
    bootstrapped.
    """
    if is_embedded:
        from pipeline.deploy.embedded import EmbeddedBackend

        return EmbeddedBackend(env, replace_stateful=replace_stateful)
    from pipeline.deploy.aws import AwsBackend, environment

    report = (lambda progress: None) if quiet else say_progress
    return AwsBackend(environment(env), report, replace_stateful=replace_stateful)
