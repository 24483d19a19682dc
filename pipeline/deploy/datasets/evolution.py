"""Which changes of definitions their tables may not follow, or only with consent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.core.definitions.problems import Problem
from pipeline.lake.datasets.compatibility import refusals
from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.files import Definition
from pipeline.lake.datasets.registry import Registry


def refused_changes(definitions: Sequence[Definition], registry: Registry) -> Iterator[Problem]:
    """Columns that a definition narrows, renames or drops."""
    known = registry.get_many({definition.dataset.name for definition in definitions}) if definitions else {}
    for definition in definitions:
        before = known.get(definition.dataset.name)
        for breach in refusals(before.dataset, definition.dataset) if before else ():
            yield definition.problem(("stage_a", "columns"), f"{breach}.")


def altered_without_consent(definitions: Iterable[Definition], plans: Mapping[DatasetName, str]) -> list[str]:
    """The datasets whose tables would change, and change by consent only."""
    return sorted(
        str(definition.dataset.name)
        for definition in definitions
        if plans.get(definition.dataset.name) == "alter" and definition.dataset.table.evolution == "consent"
    )
