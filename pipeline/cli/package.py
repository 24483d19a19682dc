"""The command package: packages a checkout for AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipeline.cli.app import app
from pipeline.cli.output import Json, console, print_json, print_table
from pipeline.cli.packages import packaged_for_aws
from pipeline.core.checkout import checkout

if TYPE_CHECKING:
    from pipeline.deploy.packaging.sizes import FunctionSize, JobSize


@app.command()
def package(
    to: Annotated[
        Path | None, typer.Option(help="The folder to write, which is replaced.", show_default="build/package")
    ] = None,
    as_json: Json = False,
) -> None:
    """Package the checkout, to be deployed unchanged to any account and environment. Needs no account.

    Example: sluice package
    """
    from pipeline.deploy.packaging.sizes import function_sizes, job_sizes

    made = packaged_for_aws(checkout(), to)
    if as_json:
        functions = [asdict(each) | {"unzipped": each.unzipped} for each in function_sizes(made.folder)]
        jobs = [asdict(each) for each in job_sizes(made.folder)]
        print_json({"folder": str(made.folder), "functions": functions, "jobs": jobs, "notes": made.notes})
        return
    _say_sizes(function_sizes(made.folder))
    _say_jobs(job_sizes(made.folder))
    console.print(f"wrote {escape(str(made.folder))}", highlight=False, soft_wrap=True)
    for note in made.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)


def _say_sizes(sizes: Sequence[FunctionSize]) -> None:
    """Print the sizes of functions; kB and MB are thousands and millions of bytes, as in AWS's console."""
    rows = [
        (
            each.function,
            f"{each.zip / 1e3:.0f} kB",
            ", ".join(each.layers),
            f"{each.layer_zips / 1e6:.0f} MB",
            f"{each.unzipped / 1e6:.0f} MB",
        )
        for each in sizes
    ]
    print_table("functions", ("function", "zip", "layer", "layer's zip", "unzipped together"), rows)


def _say_jobs(sizes: Sequence[JobSize]) -> None:
    rows = [(each.script, f"{each.zip / 1e6:.1f} MB", ", ".join(each.packages) or "nothing") for each in sizes]
    print_table("jobs", ("script", "wheels", "installed before a run"), rows)
