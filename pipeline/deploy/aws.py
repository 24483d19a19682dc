"""An environment of an account, whose stacks CloudFormation makes. Nothing of the embedded AWS is imported here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.core.settings import parameter_prefix, region
from pipeline.deploy import environments
from pipeline.deploy.aws_stacks import CloudFormationStacks, Report
from pipeline.deploy.engine import LAKE, Stack
from pipeline.deploy.glue_versions import GLUE_5_1

if TYPE_CHECKING:
    from pipeline.cloudformation.changes import Deployed, StackPlan
    from pipeline.deploy.packaging import Package

GUARDS_TABLES = environments.SETTINGS["lake-formation"].parameter


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment as `sluice bootstrap` left it, and its settings as parameters of stacks.

    `deployer` is the role that the pipeline's builds become here; empty where people deploy.
    """

    env: str
    account: str
    bucket: str
    stack_role: str
    deployer: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def of_teams(self) -> Mapping[str, str]:
        """Parameters of every team's stack beside its own."""
        return {GUARDS_TABLES: self.settings[GUARDS_TABLES], "DeploymentRole": self.deployer}


def environment(env: str) -> Environment:
    """What Parameter Store says of `env`; `Refused` if it is not bootstrapped, `BadInput` if a setting is wrong."""
    needed = ("artefact-bucket", "stack-role-arn", "key-arn")
    names = {f"{parameter_prefix(env)}{name}": name for name in (*needed, "deployment-role-arn")}
    answer = client("ssm").get_parameters(Names=list(names))
    values = {names[each["Name"]]: each["Value"] for each in answer["Parameters"]}
    if missing := [name for name in needed if name not in values]:
        raise Refused(
            f"{env} is not bootstrapped: Parameter Store has no {', '.join(missing)} below {parameter_prefix(env)}",
            hint=f"An administrator runs `sluice --profile … --env {env} bootstrap` once.",
        )
    account = client("sts").get_caller_identity()["Account"]
    settings = environments.stack_parameters(environments.stored(client("ssm"), env), env)
    deployer = values.get("deployment-role-arn", "")
    return Environment(env, account, values["artefact-bucket"], values["stack-role-arn"], deployer, settings)


class AwsBackend:
    """Makes the stacks of `given` with its stack role and its tags."""

    def __init__(
        self, given: Environment, report: Report = lambda progress: None, *, replace_stateful: bool = False
    ) -> None:
        """`report` is called with each resource that CloudFormation is done with. Without `replace_stateful` a change
        that would take away what a resource holds is refused."""
        self._given = given
        self.env = given.env
        self.account = given.account
        self.settings = given.settings
        self.glue = GLUE_5_1
        self.of_teams = given.of_teams
        self.stacks = CloudFormationStacks(
            client("cloudformation"),
            role=given.stack_role,
            tags={"Lake": LAKE, "Env": given.env},
            store=self._store,
            report=report,
            replace_stateful=replace_stateful,
        )

    def before(self, root: Path) -> Sequence[Stack]:
        """An administrator has deployed it, by `sluice bootstrap`."""
        return ()

    def artefact_bucket(self, outputs: Mapping[str, str]) -> str:
        """The environment's own."""
        return self._given.bucket

    def planner(self, package: Package) -> _Planner:
        """Templates that are longer than a call takes are uploaded: CloudFormation reads them from there."""
        return _Planner(self.stacks, self.stored)

    def stored(self, name: str) -> str:
        """Parameter Store's value of a name; `KeyError` if it is not there."""
        ssm = client("ssm")
        try:
            return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            raise KeyError(name) from None

    def standing(self, name: str) -> Deployed:
        """The stack as CloudFormation describes it."""
        return self.stacks.standing(name)

    def _store(self, template: Path) -> str:
        """CloudFormation reads long templates from where their artefacts are, each by its content."""
        content = template.read_bytes()
        key = f"templates/{sha256(content).hexdigest()[:32]}/{template.name}"
        bucket, account = self._given.bucket, self._given.account
        client("s3").put_object(Bucket=bucket, Key=key, Body=content, ExpectedBucketOwner=account)
        suffix = "amazonaws.com.cn" if region().startswith("cn-") else "amazonaws.com"
        return f"https://{bucket}.s3.{region()}.{suffix}/{key}"


class _Planner:
    """CloudFormation's plans, where what a stack that is not there yet will publish is known only then."""

    def __init__(self, stacks: CloudFormationStacks, stored: Callable[[str], str]) -> None:
        self._stacks = stacks
        self._stored = stored

    def plan(self, name: str, template: Path, parameters: Mapping[str, str]) -> StackPlan:
        return self._stacks.plan(name, template, parameters)

    def parameter(self, name: str) -> str:
        try:
            return self._stored(name)
        except KeyError:
            return f"value-of{name.replace('/', '-')}"
