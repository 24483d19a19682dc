"""Arguments that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

DatasetArgument = Annotated[str | None, typer.Argument(metavar="TEAM/DATASET", help="Only this dataset.")]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
