"""Which tests need what: each file's markers follow from its folder, and `-m unit` does not even read the others."""

from __future__ import annotations

from functools import cache
from pathlib import PurePosixPath

MARKERS = {
    "unit": "needs nothing but this process: no server, no socket, seconds for all of them",
    "emulator": "needs the embedded AWS or one of its parts, or processes of its own",
    "spark": "needs a JVM",
    "browser": "needs Chromium",
    "lake": "needs a whole embedded lake",
}

TIMEOUT_S = {"unit": 300, "browser": 300}
"""Seconds after which a test with one of these markers alone has failed, on a busy machine, too; pyproject.toml has it
for the others."""

THOROUGH = "thorough"
"""Of tests that take longer than a hundred others of their kind: `make quick` leaves them to `make test`."""

PLACES: dict[str, tuple[str, ...]] = {
    "tests": ("unit",),
    "tests/cli": ("emulator",),
    "tests/cli/test_trial_transforms.py": ("emulator", "spark"),
    "tests/console": ("browser",),
    "tests/deploy/test_aws_stacks.py": ("emulator",),
    "tests/deploy/test_buildspecs.py": ("emulator",),
    "tests/deploy/test_layers.py": ("emulator",),
    "tests/deploy/test_package.py": ("emulator",),
    "tests/deploy/test_rulesets.py": ("spark",),
    "tests/deploy/test_sizes.py": ("emulator",),
    "tests/deploy/test_stamps.py": ("emulator",),
    "tests/deploy/test_transform_tests.py": ("spark",),
    "tests/deploy/test_wheels.py": ("emulator",),
    "tests/emulator": ("emulator",),
    "tests/emulator/glue/test_job_runs.py": ("spark",),
    "tests/emulator/glue/test_session.py": ("spark",),
    "tests/feeds/test_comparison.py": ("emulator",),
    "tests/feeds/test_erasure.py": ("emulator",),
    "tests/feeds/test_history.py": ("emulator",),
    "tests/feeds/test_loads.py": ("emulator",),
    "tests/feeds/test_migrations.py": ("emulator",),
    "tests/feeds/test_privacy.py": ("emulator",),
    "tests/feeds/test_privacy_elsewhere.py": ("emulator",),
    "tests/feeds/test_removals.py": ("emulator",),
    "tests/feeds/test_ways.py": ("emulator",),
    "tests/feeds/test_writer.py": ("emulator",),
    "tests/flows": ("lake",),
    "tests/forecasts/test_store.py": ("emulator",),
    "tests/lake/batches": ("emulator",),
    "tests/lake/catalog": ("emulator",),
    "tests/lake/tables": ("emulator",),
    "tests/log_forwarding/test_sender.py": ("emulator",),
    "tests/operate": ("emulator",),
    "tests/stages/feeds": ("emulator",),
    "tests/stages/forecasts": ("emulator",),
    "tests/stages/ingest": ("emulator",),
    "tests/stages/log_forwarding": ("emulator",),
    "tests/stages/rows": ("spark",),
    "tests/stages/stage_b": ("spark",),
    "tests/state_machines": ("emulator",),
    "tests/templates": ("emulator",),
    "tests/toolchain": ("emulator",),
    "tests/whole_lake": ("lake",),
    "tests/whole_lake/test_console.py": ("lake", "browser"),
    "tests/whole_lake/test_pages.py": ("lake", "browser"),
}
"""The markers of a folder or a file; the nearest entry counts."""


def markers_of(path: str) -> tuple[str, ...]:
    """The markers of a test file, by its path in the checkout."""
    place = PurePosixPath(path)
    return next(PLACES[str(each)] for each in (place, *place.parents) if str(each) in PLACES)


@cache
def may_have(folder: str, marker: str) -> bool:
    """Whether a test in a folder, or below it, has the marker."""
    below = [names for place, names in PLACES.items() if PurePosixPath(folder) in PurePosixPath(place).parents]
    return any(marker in names for names in (markers_of(folder), *below))
