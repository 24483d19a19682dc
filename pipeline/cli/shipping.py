"""Commands on the way to AWS: package, bootstrap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.app import app
from pipeline.cli.connect import Target
from pipeline.cli.output import Json, console, print_json
from pipeline.clients import client
from pipeline.errors import BadDefinition, Refused
from pipeline.local import state

LAKE = "sluice"


@app.command()
def bootstrap(context: typer.Context, as_json: Json = False) -> None:
    """Make the bucket that artefacts are deployed from, once an account and environment.

    Example: sluice --profile dev --env dev bootstrap
    """
    env = _on_aws(context.obj)
    name = f"{LAKE}-{env}-bootstrap"
    template = (state.checkout() / "cicd" / "bootstrap.yaml").read_text()
    formation = client("cloudformation")
    parameters = [{"ParameterKey": "Lake", "ParameterValue": LAKE}, {"ParameterKey": "Env", "ParameterValue": env}]
    try:
        formation.create_stack(StackName=name, TemplateBody=template, Parameters=parameters)
    except formation.exceptions.AlreadyExistsException:
        pass
    else:
        with console.status(f"creating {name} …"):
            formation.get_waiter("stack_create_complete").wait(StackName=name)
    bucket = artefact_bucket(env)
    print_json({"stack": name, "bucket": bucket}) if as_json else console.print(f"artefacts go to {bucket}")


@app.command()
def package(
    to: Annotated[Path | None, typer.Option(help="Folder that is replaced.", show_default="build/package")] = None,
    as_json: Json = False,
) -> None:
    """Package the checkout, to be deployed unchanged to any account and environment. Needs no account.

    Example: sluice package
    """
    from pipeline.local.jars import deequ_jars
    from pipeline.packaging.package import Target as For
    from pipeline.packaging.package import package as make

    root = state.checkout()
    with console.status("packaging: the layers take a minute the first time …"):
        made = make(root, to or root / "build" / "package", target=For.AWS, jars=deequ_jars())
    if as_json:
        print_json({"folder": str(made.folder), "notes": made.notes})
        return
    console.print(f"wrote {escape(str(made.folder))}", highlight=False, soft_wrap=True)
    for note in made.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)


def artefact_bucket(env: str) -> str:
    """The bucket that `bootstrap` made."""
    formation = client("cloudformation")
    try:
        found = formation.describe_stacks(StackName=f"{LAKE}-{env}-bootstrap")["Stacks"][0]
    except formation.exceptions.ClientError as error:
        raise Refused(f"{env} is not bootstrapped: {error}", hint="Run `sluice bootstrap` first.") from None
    outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
    if "ArtefactBucket" not in outputs:
        raise BadDefinition(f"stack {found['StackName']} is {found['StackStatus']} and has no ArtefactBucket")
    return str(outputs["ArtefactBucket"])


def _on_aws(target: Target) -> str:
    """These commands speak to AWS itself: `up` does both for the embedded lake."""
    from pipeline import settings

    if not (target.profile and target.env):
        raise Refused("say which account and lake", hint="sluice --profile … --env … ; `sluice up` does it locally.")
    settings.use(endpoint=None, region=target.region, profile=target.profile)
    return target.env
