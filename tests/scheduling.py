"""Which tests stay together in one process where several run them (`make test`)."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "spark": ("tests/stages/stage_b/", "tests/stages/rows/", "tests/emulator/glue/test_job_runs.py"),
    "lake": ("tests/whole_lake/",),
}
"""One process each, from the start: what these share is dear to start, and they take longest."""


def together(test: str) -> str:
    """The name of the tests that this one, by its id, stays with: one of TOGETHER, or those of its file."""
    file = test.partition("::")[0]
    return next((name for name, places in TOGETHER.items() if file.startswith(places)), file)


def rank(test: str) -> int:
    """Those of TOGETHER come first, in its order."""
    return list((*TOGETHER, together(test))).index(together(test))


def is_kept_together(test: str) -> bool:
    """Whether a test is one of TOGETHER."""
    return together(test) in TOGETHER


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """xdist's own marks for this (`loadgroup`) have no effect with pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)
