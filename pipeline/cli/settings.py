"""The commands settings, settings set and settings unset: the settings of an environment."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.connect import Reached
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json, print_table
from pipeline.core.clients import client
from pipeline.deploy import environments
from pipeline.deploy.environments import Source, Value

settings = typer.Typer(help="Settings of an environment, kept in Parameter Store.")
app.add_typer(settings, name="settings")

Name = Annotated[str, typer.Argument(help="A setting's name, as `sluice settings` lists it.")]


@settings.callback(invoke_without_command=True)
def show(context: typer.Context, as_json: Json = False) -> None:
    """List the settings of an environment: value, default, source, and allowed values.

    Example: sluice settings
    """
    if context.invoked_subcommand:
        return
    reached: Reached = context.obj.reach()
    given = environments.stored(client("ssm"), reached.env)
    values = environments.values(given, laptop=reached.is_embedded)
    wrong = environments.problems(given, reached.env, laptop=reached.is_embedded)
    if as_json:
        print_json(
            {"env": reached.env, "settings": [_row(each, reached.is_embedded) for each in values], "problems": wrong}
        )
        return
    print_table(
        f"Settings of {reached.env}",
        ("name", "value", "default", "from", "allowed", "meaning"),
        [_cells(each, reached.is_embedded) for each in values],
    )
    for problem in wrong:
        console.print(f"[red]{escape_untrusted(problem)}[/]", highlight=False, soft_wrap=True)


@settings.command("set")
def set_command(context: typer.Context, name: Name, value: str, as_json: Json = False) -> None:
    """Set a setting. It takes effect at the next deployment.

    Example: sluice settings set log-retention-days 90
    """
    reached: Reached = context.obj.reach()
    environments.put(client("ssm"), reached.env, name, value, laptop=reached.is_embedded)
    _say_changed(reached, name, value, as_json)


@settings.command("unset")
def unset_command(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Reset a setting to its default, from the next deployment on.

    Example: sluice settings unset log-retention-days
    """
    reached: Reached = context.obj.reach()
    if not environments.remove(client("ssm"), reached.env, name, laptop=reached.is_embedded) and not as_json:
        console.print(f"{escape_untrusted(name)} was not set", highlight=False, soft_wrap=True)
        return
    known = environments.SETTINGS.get(name)
    default = known.default_for(laptop=reached.is_embedded)[0] if known else None
    _say_changed(reached, name, default, as_json)


def _say_changed(reached: Reached, name: str, value: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"env": reached.env, "name": name, "value": value})
        return
    is_now = "is removed" if value is None else f"is {escape_untrusted(value) or 'none'}"
    next_time = "`sluice up`" if reached.is_embedded else "the next deployment"
    console.print(
        f"{escape_untrusted(name)} {is_now} in {reached.env}, from {next_time} on", highlight=False, soft_wrap=True
    )


def _row(value: Value, laptop: bool) -> dict[str, Any]:
    setting = value.setting
    return {
        "name": setting.name,
        "value": value.value,
        "default": setting.default_for(laptop=laptop)[0],
        "source": value.source.value,
        "allowed": setting.allowed,
        "unit": setting.unit,
        "meaning": setting.meaning,
        "stack_parameter": setting.parameter,
    }


def _cells(value: Value, laptop: bool) -> list[str]:
    setting = value.setting
    style = "bold" if value.source is Source.STORED else "dim"
    default = setting.default_for(laptop=laptop)[0]
    return [
        setting.name, f"[{style}]{escape_untrusted(value.value) or 'none'}[/]", default or "none",
        f"[{style}]{value.source}[/]", setting.allowed, setting.meaning,
    ]  # fmt: skip
