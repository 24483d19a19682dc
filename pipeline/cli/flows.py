"""The option --flow: which flows an environment has beside the lake's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

import typer

from pipeline.core.clients import client
from pipeline.deploy import environments

FlowNames = Annotated[
    list[str] | None,
    typer.Option("--flow", help="Also deploy a flow beside the lake, such as feeds; the environment keeps it."),
]


def want_flows(env: str, flows: Sequence[str], there: Collection[str], *, laptop: bool) -> None:
    """Note in an environment's settings that it has these flows, beside those that it has.

    `BadInput` for one that is not `there`: an environment that kept it could not be deployed any more.
    """
    from pipeline.deploy.packaging import check_flows

    check_flows(flows, there)
    ssm = client("ssm")
    known = environments.stored(ssm, env).get("flows", "").split(",")
    if new := [flow for flow in flows if flow not in known]:
        environments.put(ssm, env, "flows", ",".join(filter(None, [*known, *new])), laptop=laptop)
