"""Checks an account's Lake Formation before a deployment, and prints what would block the lake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.markup import escape_untrusted
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
    """The findings before a bootstrap, when an administrator is there to act on them. Changes nothing."""
    from pipeline.deploy.lake_formation import Question, findings

    _, partition, _, _, account, _ = client("sts").get_caller_identity()["Arn"].split(":", 5)
    question = Question(
        uses=environments.stored(client("ssm"), env).get(SETTING.name) == "on",
        stack_role=f"arn:{partition}:iam::{account}:role/delivery/{LAKE}-{env}-stacks",
        databases=_databases(checkout(), env),
    )
    return findings(client("lakeformation"), client("glue"), question)


def before_deploy(root: Path, given: Environment) -> list[Finding]:
    """The findings before a deployment of the lake and the checkout's teams. Changes nothing."""
    from pipeline.deploy.lake_formation import Question, findings

    question = Question(
        uses=given.settings[SETTING.parameter] == "on",
        stack_role=given.stack_role,
        databases=_databases(root, given.env),
        caller=client("sts").get_caller_identity()["Arn"],
        deployers=[given.deployer] if given.deployer else [],
    )
    return findings(client("lakeformation"), client("glue"), question)


def _databases(root: Path, env: str) -> list[str]:
    """The Glue databases of the checkout's teams."""
    from pipeline.lake.datasets.files import read_all

    teams = {definition.dataset.team for definition in read_all(root).or_raise()}
    return [f"{LAKE}_{env}_{team}" for team in sorted(teams)]


def check(findings: Sequence[Finding]) -> None:
    """`Refused` for the first finding that would make the deployment fail."""
    for each in findings:
        if each.stops:
            raise Refused(f"Lake Formation: {each.text}", hint=each.hint)


def say(findings: Sequence[Finding]) -> None:
    """Print each finding and what to do about it."""
    for each in findings:
        colour = "red" if each.stops else "yellow"
        console.print(f"[{colour}]Lake Formation:[/] {escape_untrusted(each.text)}", highlight=False, soft_wrap=True)
        console.print(f"  {escape_untrusted(each.hint)}", highlight=False, soft_wrap=True)
