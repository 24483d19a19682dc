"""The command deploy: deploys the stacks of definitions/stacks, or shows what that would change."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import lake_formation
from pipeline.cli.app import app
from pipeline.cli.connect import Target
from pipeline.cli.embedded_stacks import apply_datasets, apply_flows, deploy_stacks, fetch_jars
from pipeline.cli.flows import FlowNames, want_flows
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json
from pipeline.cli.packages import packaged_for_aws
from pipeline.cli.plans import plans_json, say_plans, say_progress
from pipeline.cloudformation.changes import check_stateful
from pipeline.core.checkout import checkout
from pipeline.core.errors import WrongUsage
from pipeline.deploy import aws, embedded, engine
from pipeline.deploy.datasets.definitions import plan_deployed, refuse
from pipeline.deploy.embedded import EmbeddedBackend

if TYPE_CHECKING:
    from pipeline.cloudformation.changes import StackPlan
    from pipeline.deploy.datasets.plans import Planned
    from pipeline.deploy.packaging import Package
    from pipeline.emulator.cloudformation import StackResult


@app.command()
def deploy(
    context: typer.Context,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would happen, and change nothing.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Also delete stacks whose file is gone from the checkout (embedded).")
    ] = False,
    env: Annotated[str | None, typer.Option(help="The environment; the same as --env before the command.")] = None,
    package: Annotated[
        Path | None,
        typer.Option(help="A package to deploy, as `sluice package` made it; else the checkout is packaged."),
    ] = None,
    replace_stateful: Annotated[
        bool, typer.Option("--replace-stateful", help="Also replace or remove resources with data, keys or messages.")
    ] = False,
    flow: FlowNames = None,
    as_json: Json = False,
) -> None:
    """Deploy the checkout to a lake: stacks, code, state machines, jobs, datasets, feeds.

    A stack that fails is rolled back, and the stacks after it are not deployed. The plan lists each resource that would
    be added, modified, replaced, removed or retained, with the properties that change, and the datasets that would be
    retired. Values in ⟨ ⟩ are known only after the deployment. A plan that a deployment would reject ends with the same
    error. On AWS (with --profile), CloudFormation makes the plan and deploys.

    Example: sluice deploy --plan
    """
    target: Target = context.obj
    target.env = env or target.env
    from pipeline.deploy.packaging import flows_of_checkout, read_package

    ready = read_package(package) if package else None
    if flow:
        if plan:
            raise WrongUsage(
                "--plan changes nothing, and --flow is a setting", hint="`sluice settings set flows …` first."
            )
        there = ready.flows if ready else flows_of_checkout(checkout())
        want_flows(target.reach().env, flow, there, laptop=target.profile is None)
    if target.profile:
        if prune:
            raise WrongUsage("--prune is for the embedded lake", hint="On AWS delete a stack in CloudFormation.")
        _on_aws(target, ready, plan=plan, replace_stateful=replace_stateful, as_json=as_json)
        return
    # All stacks are checked for lost data before any is changed.
    backend = EmbeddedBackend(target.reach().env)
    root = checkout()
    if plan:
        command = f"`sluice deploy{f' --env {env}' if env else ''}{' --prune' if prune else ''}`"
        _plan(root, target, backend, ready, command, prune=prune, replace_stateful=replace_stateful, as_json=as_json)
        return
    results, without_file = _deploy(root, target, backend, ready, replace_stateful=replace_stateful, quiet=as_json)
    deletions = []
    # By a backend of its own, which reads what the deployment has left.
    for deletion in EmbeddedBackend(backend.env).prune(without_file) if prune else ():
        deletions.append(deletion)
        if not as_json:
            kept = "".join(f"; {name} is retained: {what}" for name, what in deletion.kept.items())
            _say(f"{deletion.name}: deleted, {len(deletion.deleted)} resources{kept}")
    if as_json:
        stacks = [_result_json(result) for result in results]
        print_json({"stacks": stacks, "deleted": [asdict(deletion) for deletion in deletions]})


def _plan(
    root: Path,
    target: Target,
    backend: EmbeddedBackend,
    ready: Package | None,
    command: str,
    *,
    prune: bool,
    replace_stateful: bool,
    as_json: bool,
) -> None:
    """Show the plan, then raise the error with which the deployment would be rejected, if any."""
    with tempfile.TemporaryDirectory(prefix="sluice-plan-") as folder:
        planned = engine.plan(root, backend, ready or embedded.packaged(root, Path(folder)))
    without_file = backend.without_file(planned)
    datasets = plan_deployed(root, target.connect, backend, stands=planned.is_of_a_lake)
    if as_json:
        print_json(plans_json(planned.stacks, without_file, datasets=datasets))
    else:
        say_plans(planned.stacks, command=command, without_file=without_file, prune=prune, datasets=datasets)
    _refuse(planned.stacks, datasets, replace_stateful=replace_stateful)


def _refuse(stacks: Sequence[StackPlan], datasets: Sequence[Planned], *, replace_stateful: bool) -> None:
    if not replace_stateful:
        check_stateful(stacks)
    refuse(datasets)


def _on_aws(target: Target, ready: Package | None, *, plan: bool, replace_stateful: bool, as_json: bool) -> None:
    reached = target.reach()
    given = aws.environment(reached.env)
    root = checkout()
    findings = lake_formation.before_deploy(root, given)
    if not plan:
        lake_formation.check(findings)
    if not as_json:
        lake_formation.say(findings)
    made = ready or packaged_for_aws(root)
    report = (lambda progress: None) if as_json else say_progress
    backend = aws.AwsBackend(given, report, replace_stateful=replace_stateful)
    if plan:
        planned = engine.plan(root, backend, made)
        command = f"`sluice --profile {target.profile} deploy --env {reached.env}`"
        datasets = plan_deployed(root, target.connect, backend, stands=planned.is_of_a_lake)
        if as_json:
            print_json(plans_json(planned.stacks, findings=findings, datasets=datasets))
        else:
            say_plans(planned.stacks, command=command, datasets=datasets)
        lake_formation.check(findings)
        _refuse(planned.stacks, datasets, replace_stateful=replace_stateful)
        return
    done = []
    say = (lambda text: None) if as_json else _say
    for name, deployed in engine.deploy(root, backend, made):
        done.append({"stack": name, "changed": deployed.changed})
        say(f"{name}: {'deployed' if deployed.changed else 'unchanged'}")
    apply_datasets(root, target.connect(), backend, say)
    apply_flows(root, backend, made, say)
    if as_json:
        print_json({"stacks": done})


def _deploy(
    root: Path,
    target: Target,
    backend: EmbeddedBackend,
    ready: Package | None,
    *,
    replace_stateful: bool,
    quiet: bool,
) -> tuple[list[StackResult], list[str]]:
    """Deploy; returns the result of each stack, and the names of stacks whose file is gone."""
    say = (lambda text: None) if quiet else _say
    fetch_jars(quiet=quiet)
    ready = ready or embedded.packaged(root)
    planned = engine.plan(root, backend, ready)
    if not replace_stateful:
        check_stateful(planned.stacks)
    results = deploy_stacks(root, backend, ready, planned, say)
    apply_datasets(root, target.connect(), backend.after(planned, replace_stateful=replace_stateful), say)
    apply_flows(root, backend, ready, say)
    return results, backend.without_file(planned)


def _say(text: str) -> None:
    console.print(f"  {escape_untrusted(text)}", highlight=False, soft_wrap=True)


def _result_json(result: StackResult) -> dict[str, Any]:
    names = ("name", "changed", "removed", "kept", "left")
    return {"stack" if name == "name" else name: getattr(result, name) for name in names}
