"""The commands of forecasts: forecasts sources, times, values, replay."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import is_time, time_option
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json
from pipeline.lake.services import Lake
from pipeline.operate.formatting import counted

forecasts = typer.Typer(help="Find what weather services forecast.", no_args_is_help=True)
app.add_typer(forecasts, name="forecasts")

Time = Annotated[str, typer.Argument(help="The time that is forecast, as 2026-11-30T06:00:00Z.", callback=is_time)]
Variable = Annotated[str | None, typer.Option("--variable", help="Only this variable.")]
Model = Annotated[str | None, typer.Option("--model", help="Only this model.")]


def _lake(context: typer.Context) -> Lake:
    lake: Lake = context.obj.connect().lake
    return lake


def _line(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


@forecasts.command("sources")
def sources(context: typer.Context, as_json: Json = False) -> None:
    """List the sources that are deployed, with what of their announcements waits or was put aside.

    Example: sluice forecasts sources
    """
    from pipeline.operate.forecasts.sources import sources as deployed

    found = deployed(_lake(context))
    if as_json:
        print_json({"sources": [asdict(each) for each in found]})
        return
    for each in found:
        _line(
            f"[bold]{escape_untrusted(each.name)}[/]  {each.form}  s3://{escape_untrusted(each.bucket)}  "
            f"{each.waiting} waiting, {each.aside} put aside"
        )
        _line(f"  {escape_untrusted(each.licence)}")
    if not found:
        _line("no sources: definitions/forecasts has none, or they are not deployed")


@forecasts.command("times")
def times(
    context: typer.Context,
    time: Annotated[str | None, typer.Argument(help="Show what is forecast for this time.", callback=is_time)] = None,
    variable: Variable = None,
    model: Model = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The most to show.")] = 100,
    after: Annotated[str | None, time_option("Only times after this one.")] = None,
    as_json: Json = False,
) -> None:
    """List the times that are forecast, or what is forecast for one, the newest run first.

    Example: sluice forecasts times --variable surface_temperature
    """
    from pipeline.operate.forecasts.index import index_of

    index = index_of(_lake(context))
    if time is None:
        found = list(index.times(model or "*", variable or "*", limit=limit, after=after))
    else:
        wanted = (("model", model), ("variable", variable))
        found = [each for each in index.at(time) if all(value in (None, each[name]) for name, value in wanted)][:limit]
    if as_json:
        print_json({"times": found})
        return
    for each in found:
        _line(_described(each) if time else f"{each['forecast_time']}  run {each['forecast_reference_time']}")
    if not found:
        _line("none")
    elif len(found) == limit:
        _line(f"[dim]There may be more: --limit shows more, --after {found[-1]['forecast_time']} goes on.[/]")


def _described(item: dict[str, Any]) -> str:
    what = "  ".join(filter(None, (item["model"], item["variable"], item["level"], item["members"])))
    where = f"s3://{item['bucket']}/{item['key']}"
    return escape_untrusted(f"run {item['forecast_reference_time']}  {item['forecast_period']}  {what}  {where}")


@forecasts.command("values")
def values(
    context: typer.Context,
    time: Time,
    variable: Annotated[str, typer.Option("--variable", help="The variable.")],
    latitude: Annotated[float, typer.Option("--lat", min=-90, max=90, help="Degrees north.")],
    longitude: Annotated[float, typer.Option("--lon", min=-180, max=360, help="Degrees east.")],
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Show the values at the grid point nearest to a place, of the newest run that has them.

    Example: sluice forecasts values 2020-07-22T19:00:00Z --variable surface_temperature --lat 51.5 --lon=-0.1
    """
    from pipeline.operate.forecasts import index

    found = index.values(_lake(context), time, variable, latitude, longitude, model)
    if as_json:
        print_json(found)
        return
    _line(escape_untrusted(f"{found['variable']} of {found['model']}, run {found['run']}"))
    for file in found["files"]:
        for each in file["values"]:
            at = ", ".join(f"{name} {place:g}" for name, place in each.items() if name != "value")
            value = "missing" if each["value"] is None else f"{each['value']:g} {file['units']}"
            _line(escape_untrusted(f"  {value}{f'  ({at})' if at else ''}"))
    _line(f"[dim]{escape_untrusted(found['attribution'])}[/]")


@forecasts.command("replay")
def replay(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The source, as its file in definitions/forecasts is called.")],
    prefix: Annotated[str, typer.Option("--prefix", help="Only files whose keys begin so.")] = "",
    since: Annotated[datetime | None, typer.Option("--since", help="Only files that came since then (UTC).")] = None,
    as_json: Json = False,
) -> None:
    """Announce again the files that lie in a source's bucket. What is indexed already stays as it is.

    Example: sluice forecasts replay demo --prefix uk/
    """
    from datetime import UTC

    from pipeline.operate.forecasts.sources import replay as announce

    moment = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    sent = announce(_lake(context), source, prefix, moment)
    if as_json:
        print_json({"source": source, "announced": sent})
    else:
        _line(f"{counted(sent, 'file')} announced again")
