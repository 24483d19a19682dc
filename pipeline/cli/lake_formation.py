"""Asks an account's Lake Formation before a deployment, and tells people what it has against the lake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.markup import shown
from pipeline.cli.output import console
from pipeline.core.checkout import checkout
from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.deploy import environments
from pipeline.deploy.engine import LAKE

if TYPE_CHECKING:
    from pipeline.deploy.aws import Environment
    from pipeline.deploy.lake_formation import Finding

SETTING = environments.SETTINGS["lake-formation"]


def before_bootstrap(env: str) -> list[Finding]:
    """What would be in the way of the first deployment, told while an administrator is there. Nothing is changed."""
    from pipeline.deploy.lake_formation import Question, findings

    _, partition, _, _, account, _ = client("sts").get_caller_identity()["Arn"].split(":", 5)
    asked = Question(
        uses=environments.stored(client("ssm"), env).get(SETTING.name) == "on",
        stack_role=f"arn:{partition}:iam::{account}:role/delivery/{LAKE}-{env}-stacks",
        databases=_databases(checkout(), env),
    )
    return findings(client("lakeformation"), client("glue"), asked)


def before_deploy(root: Path, given: Environment) -> list[Finding]:
    """What is in the way of deploying the lake and the checkout's teams; nothing is changed."""
    from pipeline.deploy.lake_formation import Question, findings

    asked = Question(
        uses=given.settings[SETTING.parameter] == "on",
        stack_role=given.stack_role,
        databases=_databases(root, given.env),
        caller=client("sts").get_caller_identity()["Arn"],
        deployers=[given.deployer] if given.deployer else [],
    )
    return findings(client("lakeformation"), client("glue"), asked)


def _databases(root: Path, env: str) -> list[str]:
    """The Glue databases of the checkout's teams."""
    from pipeline.lake.datasets.files import read_all

    teams = {definition.dataset.team for definition in read_all(root).or_raise()}
    return [f"{LAKE}_{env}_{team}" for team in sorted(teams)]


def check(found: Sequence[Finding]) -> None:
    """`Refused` for the first of `found` that would make a first deployment end in failures."""
    for each in found:
        if each.stops:
            raise Refused(f"Lake Formation: {each.text}", hint=each.hint)


def say(found: Sequence[Finding]) -> None:
    """Print what Lake Formation has against the lake, if anything, and what to do."""
    for each in found:
        colour = "red" if each.stops else "yellow"
        console.print(f"[{colour}]Lake Formation:[/] {shown(each.text)}", highlight=False, soft_wrap=True)
        console.print(f"  {shown(each.hint)}", highlight=False, soft_wrap=True)
