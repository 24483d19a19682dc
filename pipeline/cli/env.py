"""The command env: prints the variables that connect other AWS clients to the lake."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

import typer

from pipeline.cli.app import app
from pipeline.cli.connect import Target
from pipeline.cli.output import Json, print_json
from pipeline.core.settings import client_variables, lake_key, region
from pipeline.lake.settings import Setting

PROFILE, ENDPOINT = "AWS_PROFILE", "AWS_ENDPOINT_URL"


@app.command()
def env(context: typer.Context, as_json: Json = False) -> None:
    """Print shell commands that connect any AWS client to this lake: exports, and unsets of conflicting variables.

    Example: eval "$(sluice env)"; aws s3 cp orders.csv "s3://$SLUICE_RAW_BUCKET/shop/orders/"
    """
    before = client_variables()
    values = _values(context.obj)
    if as_json:
        print_json(values)
        return
    for line in shell_lines(values, before):
        typer.echo(line)


def _values(target: Target) -> dict[str, str]:
    connected = target.connect()
    values = {"SLUICE_RAW_BUCKET": connected.lake.settings[Setting.RAW_BUCKET], "AWS_REGION": region()}
    values["AWS_DEFAULT_REGION"] = values["AWS_REGION"]
    if connected.endpoint and (key := lake_key()):
        values |= {ENDPOINT: connected.endpoint, **key.variables()}
    elif target.profile:
        values[PROFILE] = target.profile
    return values


def shell_lines(values: Mapping[str, str], before: Sequence[str]) -> Iterator[str]:
    """Shell commands that export `values`, and unset the other variables of `before`, which would override them."""
    if values.keys() & {PROFILE, ENDPOINT}:
        yield f"unset {' '.join(name for name in before if name not in values)}"
    for name, value in values.items():
        yield f"export {name}={shlex.quote(value)}"
