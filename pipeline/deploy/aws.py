"""Brings a lake on AWS to what a package says, through CloudFormation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.core.settings import parameter_prefix, region
from pipeline.deploy import environments
from pipeline.deploy.embedded import LAKE, check_names, stacks_of_datasets

if TYPE_CHECKING:
    from pipeline.cloudformation.changes import StackPlan
    from pipeline.deploy.aws_stacks import CloudFormationStacks, Report
    from pipeline.deploy.datasets.application import Deployed
    from pipeline.deploy.packaging import Package

GUARDS_TABLES = environments.SETTINGS["lake-formation"].parameter


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment of an account, as `sluice bootstrap` left it, and its settings as parameters of stacks.

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
    found = {names[each["Name"]]: each["Value"] for each in answer["Parameters"]}
    if missing := [name for name in needed if name not in found]:
        raise Refused(
            f"{env} is not bootstrapped: Parameter Store has no {', '.join(missing)} below {parameter_prefix(env)}",
            hint=f"An administrator runs `sluice --profile … --env {env} bootstrap` once.",
        )
    account = client("sts").get_caller_identity()["Account"]
    settings = environments.stack_parameters(environments.stored(client("ssm"), env), env)
    deployer = found.get("deployment-role-arn", "")
    return Environment(env, account, found["artefact-bucket"], found["stack-role-arn"], deployer, settings)


def plan(root: Path, given: Environment, package: Package) -> Iterator[StackPlan]:
    """What deploying would do to each stack of the lake, its teams and its datasets. Nothing of the lake is changed.

    Templates that are longer than a call takes are uploaded all the same: CloudFormation reads them from there.
    """
    from pipeline.deploy.packaging import read_manifest

    check_names(package.of_the_lake(), given.env, region())
    stacks = stacks_of(given)
    named = read_manifest(package.folder).stack_parameters(given.bucket)

    def foreseen(name: str) -> str:
        """What a stack that is not there yet will publish is known then."""
        try:
            return _stored(name)
        except KeyError:
            return f"value-of{name.replace('/', '-')}"

    for each in _of_lake(given, package, named, foreseen):
        yield stacks.plan(*each)
    for each in stacks_of_datasets(root, given.env, given.of_teams):
        yield stacks.plan(*each)


def deploy(
    given: Environment, package: Package, report: Report, *, replace_stateful: bool = False
) -> Iterator[tuple[str, Deployed]]:
    """Upload what the account lacks of the package, then deploy the lake's stacks one after the other.

    The first that fails ends it: it is rolled back, those before it stand as deployed, those after it as they were.
    """
    from pipeline.deploy.packaging import upload

    stacks = stacks_of(given, report, replace_stateful=replace_stateful)
    check_names(package.of_the_lake(), given.env, region())
    uploaded = upload(package.folder, client("s3"), given.bucket, given.account)
    for name, template, parameters in _of_lake(given, package, uploaded, _stored):
        yield name, stacks.deploy(name, template, parameters)


def _of_lake(
    given: Environment, package: Package, artefacts: Mapping[str, str], store: Callable[[str], str]
) -> Iterator[tuple[str, Path, dict[str, str]]]:
    from pipeline.emulator.cloudformation import stacks_of_lake

    parameters = {**given.settings, **given.of_teams, **artefacts}
    return stacks_of_lake(package.of_the_lake(), given.env, LAKE, parameters, store)


def _stored(name: str) -> str:
    ssm = client("ssm")
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        raise KeyError(name) from None


def stacks_of(
    given: Environment, report: Report = lambda progress: None, *, replace_stateful: bool = False
) -> CloudFormationStacks:
    """CloudFormation as it makes an environment's stacks: with its stack role, and its tags."""
    from pipeline.deploy.aws_stacks import CloudFormationStacks

    def store(template: Path) -> str:
        """CloudFormation reads long templates from where their artefacts are, each by its content."""
        content = template.read_bytes()
        key = f"templates/{sha256(content).hexdigest()[:32]}/{template.name}"
        client("s3").put_object(Bucket=given.bucket, Key=key, Body=content, ExpectedBucketOwner=given.account)
        suffix = "amazonaws.com.cn" if region().startswith("cn-") else "amazonaws.com"
        return f"https://{given.bucket}.s3.{region()}.{suffix}/{key}"

    return CloudFormationStacks(
        client("cloudformation"),
        role=given.stack_role,
        tags={"Lake": LAKE, "Env": given.env},
        store=store,
        report=report,
        replace_stateful=replace_stateful,
    )
