"""The command bootstrap: the stacks that an administrator deploys once, for each environment and for the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import lake_formation
from pipeline.cli.app import app
from pipeline.cli.output import Json, console, print_json
from pipeline.cli.plans import plans_json, say_plans, say_progress
from pipeline.cloudformation import name_lengths
from pipeline.cloudformation.changes import ResourceAction
from pipeline.cloudformation.templates import load_template
from pipeline.core.checkout import checkout
from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused, WrongUsage
from pipeline.core.settings import parameter_prefix, region
from pipeline.deploy.embedded import WHAT_IS_NOT_HERE
from pipeline.deploy.engine import LAKE, Stack, administrators

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.cli.connect import Target
    from pipeline.cloudformation.changes import Deployed, StackPlan
    from pipeline.deploy.engine import Stacks

API_LOGS = "ApiLogs"
"""The parameter that says whether a stack makes the role by which API Gateway writes logs: an account has one."""
PIPELINE_ENV = "pipeline"
"""Used as the environment of the pipeline's stack, which belongs to no environment."""


_EXTERNAL_ID = 'An external id is any text of 16 to 128 characters, the same on both sides: "$(uuidgen)".'


@app.command()
def bootstrap(
    context: typer.Context,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would happen, and change nothing.")] = False,
    pipeline: Annotated[bool, typer.Option("--pipeline", help="The account's pipeline, not an environment.")] = False,
    source: Annotated[str | None, typer.Option(help="CodeCommit, GitHub or GitLab (with --pipeline).")] = None,
    repository: Annotated[
        str | None, typer.Option(help="The repository's name; <owner>/<name> except in CodeCommit.")
    ] = None,
    branch: Annotated[str | None, typer.Option(help="The branch that is deployed.", show_default="main")] = None,
    dev_account: Annotated[
        str | None, typer.Option(help="The account of the environment dev, if not this one.")
    ] = None,
    test_account: Annotated[
        str | None, typer.Option(help="The account of the environment test, if not this one.")
    ] = None,
    production_account: Annotated[
        str | None, typer.Option(help="The account of the environment prod, if not this one.")
    ] = None,
    pipeline_account: Annotated[
        str | None, typer.Option(help="The account whose pipeline may deploy to the environment.")
    ] = None,
    external_id: Annotated[str | None, typer.Option(help="Shared by the pipeline and its environments.")] = None,
    smoke_tests: Annotated[
        bool | None, typer.Option("--smoke-tests/--no-smoke-tests", help="Let the pipeline drop files to test with.")
    ] = None,
    key_arn: Annotated[
        str | None, typer.Option(help="The existing key of a lake that was deployed with its own: docs/deploying.md.")
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option("--flow", help="Also deploy what a flow has of an administrator's, such as feeds: its database."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Deploy what a lake needs first: keys, artefact bucket, boundary and roles of an environment; or the pipeline.

    Needs the rights of an administrator, once, and again when cicd/bootstrap.yaml or the roles in cicd/pipeline.yaml
    change. Options that are not given keep their values. With --flow feeds, cicd/feeds-base.yaml is deployed after it.

    Example: sluice --profile dev --env dev bootstrap --plan
    """
    yes_or_no = {True: "yes", False: "no", None: None}[smoke_tests]
    of_pipeline = {
        "Source": source,
        "Repository": repository,
        "Branch": branch,
        "DevAccount": dev_account,
        "TestAccount": test_account,
        "ProductionAccount": production_account,
    }
    of_environment = {"PipelineAccount": pipeline_account, "SmokeTests": yes_or_no, "ExistingKeyArn": key_arn}
    wrong = {**of_environment, "Flow": flow} if pipeline else of_pipeline
    if given := [name for name, value in wrong.items() if value is not None]:
        whose = "an environment" if pipeline else "the pipeline, and --pipeline is not given"
        raise WrongUsage(f"{', '.join(given)} belongs to {whose}")
    target: Target = context.obj
    if pipeline and target.profile and target.env is None:
        target.env = PIPELINE_ENV
    reached = target.reach()
    stacks = _stacks(is_embedded=reached.is_embedded)
    name = f"{LAKE}-pipeline" if pipeline else f"{LAKE}-{reached.env}-bootstrap"
    template = checkout() / "cicd" / ("pipeline.yaml" if pipeline else "bootstrap.yaml")
    chosen = (of_pipeline if pipeline else {"Env": reached.env, **of_environment}) | {"ExternalId": external_id}
    given_now = {"Lake": LAKE} | {key: value for key, value in chosen.items() if value is not None}
    declared = load_template(template)["Parameters"]
    parameters = {key: value for key, value in stacks.parameters(name).items() if key in declared} | given_now
    _check(parameters, pipeline=pipeline)
    name_lengths.check([(name, load_template(template), parameters)], region())
    findings = [] if reached.is_embedded or pipeline else lake_formation.before_bootstrap(reached.env)
    if not as_json:
        lake_formation.say(findings)
        _say_role(name, stacks.role(name))
    key = None if pipeline else _key_of(reached.env)
    standing = None if parameters.get("ExistingKeyArn") else key
    of_flows = [_of_flow(each, reached.env, stacks, is_embedded=reached.is_embedded) for each in flow or ()]
    if plan or standing:
        planned = [stacks.plan(name, template, parameters)]
        _check_key(reached.env, standing, planned[0])
    if plan:
        planned += _plans_of_flows(of_flows, stacks, reached.env, key)
        if as_json:
            print_json(plans_json(planned, findings=findings))
        else:
            say_plans(planned, command="the same without --plan")
        return
    done = stacks.deploy(name, template, parameters)
    _say_done(name, done, {each.name: stacks.deploy(*each).changed for each in of_flows}, as_json=as_json)
    if pipeline and parameters.get("Source") != "CodeCommit" and not as_json:
        console.print(
            "  accept its connection in AWS's console (Developer Tools, Connections): it is pending until then"
        )


def _say_done(name: str, done: Deployed, of_flows: Mapping[str, bool], *, as_json: bool) -> None:
    """Print which stacks were changed; `of_flows` says it of those of flows, by name."""
    if as_json:
        flows = [{"stack": each, "changed": changed} for each, changed in of_flows.items()]
        print_json({"stack": name, "changed": done.changed, "outputs": dict(done.outputs), "flows": flows})
        return
    for each, changed in {name: done.changed, **of_flows}.items():
        console.print(f"{each}: {'deployed' if changed else 'unchanged'}", highlight=False)


def _plans_of_flows(of_flows: Sequence[Stack], stacks: Stacks, env: str, key: str | None) -> list[StackPlan]:
    """`Refused` where the environment has no key that they are encrypted by: nobody can say what they will be."""
    if of_flows and key is None:
        raise Refused(
            f"{env} has no key yet, by which {of_flows[0].name} is encrypted: it cannot be planned",
            hint="Bootstrap the environment first, without --flow.",
        )
    return [stacks.plan(*each) for each in of_flows]


def _of_flow(flow: str, env: str, stacks: Stacks, *, is_embedded: bool) -> Stack:
    """What an administrator deploys for a flow, with the parameters that it had; `BadInput` if there is none."""
    from pipeline.deploy.packaging import check_flows, flows_of_checkout

    root = checkout()
    check_flows([flow], flows_of_checkout(root))
    name, template = f"{LAKE}-{env}-{flow}-base", administrators(root, flow)
    if not template.exists():
        raise BadInput(f"the flow {flow} has nothing that an administrator deploys", hint="Leave --flow out.")
    loaded = load_template(template)
    known = {key: value for key, value in stacks.parameters(name).items() if key in loaded["Parameters"]}
    parameters = known | {"Lake": LAKE, "Env": env} | (WHAT_IS_NOT_HERE if is_embedded else {})
    if API_LOGS in loaded["Parameters"] and not is_embedded:
        parameters.setdefault(API_LOGS, "no" if account_has_api_logs() else "yes")
    name_lengths.check([(name, loaded, parameters)], region())
    return Stack(name, template, parameters)


def account_has_api_logs() -> bool:
    """Whether API Gateway has a role by which it writes the logs of this account's APIs here, whoever made it."""
    return bool(client("apigateway").get_account().get("cloudwatchRoleArn"))


def _check(parameters: Mapping[str, str], *, pipeline: bool) -> None:
    """`WrongUsage` for parameters that CloudFormation would reject late, or even accept."""
    if pipeline:
        needed = {"Source": "--source", "Repository": "--repository", "ExternalId": "--external-id"}
        missing = [option for name, option in needed.items() if not parameters.get(name)]
        if missing:
            raise WrongUsage(f"the pipeline needs {', '.join(missing)}", hint=_EXTERNAL_ID)
    elif parameters.get("PipelineAccount") and not parameters.get("ExternalId"):
        raise WrongUsage("--pipeline-account needs --external-id, as the pipeline has it", hint=_EXTERNAL_ID)


def _say_role(name: str, role: str | None) -> None:
    """Print the stack's role. Once the pipeline has updated its own stack, an administrator's rights have no effect."""
    if role:
        console.print(
            f"[yellow]{name}[/] is always changed with the rights of {role}.", highlight=False, soft_wrap=True
        )
        console.print(
            "  If that role lacks rights, give it more while this runs: docs/deploying.md, Push to deploy.",
            highlight=False,
        )


def _key_of(env: str) -> str | None:
    """The ARN of an environment's key, or None; its stack may be any."""
    answer = client("ssm").get_parameters(Names=[f"{parameter_prefix(env)}key-arn"])
    return next((str(each["Value"]) for each in answer["Parameters"]), None)


def _check_key(env: str, standing: str | None, plan: StackPlan) -> None:
    """`Refused` if the stack would make a second key: data encrypted with the first could not be read any more."""
    if standing and any(each.logical_id == "LakeKey" and each.action is ResourceAction.ADD for each in plan.changes):
        raise Refused(
            f"{env} already has a key, {standing}, and would get a second one",
            hint=f"See docs/deploying.md, then add --key-arn {standing}.",
        )


def _stacks(*, is_embedded: bool) -> Stacks:
    """The backend with the caller's own rights: the roles for deployments are in this very stack."""
    if is_embedded:
        from pipeline.deploy.embedded import EmbeddedStacks

        return EmbeddedStacks()
    from pipeline.deploy.aws_stacks import CloudFormationStacks

    return CloudFormationStacks(client("cloudformation"), report=say_progress)
