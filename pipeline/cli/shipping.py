"""The command package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.app import app
from pipeline.cli.output import Json, console, print_json
from pipeline.local import state


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
