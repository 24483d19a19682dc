"""Arguments that several commands take: read before a lake is connected to, and completed from what it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from pipeline.cli import completion
from pipeline.core.errors import WrongUsage
from pipeline.operate.arguments import bucket_and_key, dataset_name, span_of, time_of

TEAM_DATASET = "TEAM/DATASET"


def readable(read: Callable[[str], object]) -> Callable[[Any], Any]:
    """A callback of an argument: wrong usage, told like a missing one, where `read` cannot read a text of it."""

    def check(given: Any) -> Any:
        for text in given if isinstance(given, list) else [given]:
            if text is not None:
                try:
                    read(text)
                except WrongUsage as error:
                    raise typer.BadParameter(" ".join(filter(None, (f"{error.message}.", error.hint)))) from None
        return given

    return check


is_dataset, is_object, is_span, is_time = map(readable, (dataset_name, bucket_and_key, span_of, time_of))


def dataset_option(meaning: str, *flags: str, **more: Any) -> Any:
    """An option that names a dataset."""
    return typer.Option(
        *flags, metavar=TEAM_DATASET, help=meaning, callback=is_dataset, autocompletion=completion.datasets, **more
    )


def dataset_argument(meaning: str, metavar: str = TEAM_DATASET) -> Any:
    """An argument that names a dataset, or several."""
    return typer.Argument(metavar=metavar, help=meaning, callback=is_dataset, autocompletion=completion.datasets)


def time_option(meaning: str, *flags: str) -> Any:
    """An option that is a time."""
    return typer.Option(*flags, metavar="TIME", help=meaning, callback=is_time)


def batch_option(meaning: str) -> Any:
    """An option that names a batch."""
    return typer.Option(metavar="BATCH", help=meaning, autocompletion=completion.batches)


def execution_option(meaning: str) -> Any:
    """An option that names an execution."""
    return typer.Option(metavar="NAME", help=meaning, autocompletion=completion.executions)


DatasetArgument = Annotated[str | None, dataset_argument("Only this dataset.")]
RequiredDataset = Annotated[str, dataset_argument("The dataset.")]
To = Annotated[str, dataset_option("The dataset.", "--to")]
BatchArgument = Annotated[
    str,
    typer.Argument(
        metavar="BATCH", help="The batch's id, as status and executions show it.", autocompletion=completion.batches
    ),
]
ExecutionArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The execution's name or ARN; a batch's is its id.",
        autocompletion=completion.executions,
    ),
]
_OBJECT = "s3://bucket/key, or team/dataset/file in the raw bucket."
ObjectArgument = Annotated[
    str, typer.Argument(metavar="OBJECT", help=_OBJECT, callback=is_object, autocompletion=completion.objects)
]
ObjectsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[OBJECT]...", help=_OBJECT, callback=is_object, autocompletion=completion.objects),
]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
