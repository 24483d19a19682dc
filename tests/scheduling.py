"""Which tests stay together in one process where several run them (`make test`)."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

_LAKE = "tests/whole_lake"

TOGETHER = {
    # With the tests of roles, those whose calls they look at.
    "lake": (f"{_LAKE}/",),
    "spark": ("tests/stages/stage_b/", "tests/stages/rows/", "tests/emulator/glue/test_job_runs.py"),
}
"""A process each from the start: what these share is dear to start, and they take long."""

ALONE = {
    **{name: (f"{_LAKE}/test_{name}.py",) for name in ("big_files", "log_forwarding", "lifecycle")},
    # Both attack one lake, and have it to themselves.
    "attacked": (f"{_LAKE}/test_pages.py", f"{_LAKE}/test_strangers.py"),
}
"""Files that start lakes of their own, and take long: they come next, so that no process ends with one of them."""


def together(test: str) -> str:
    """The name of the tests that this one, by its id, stays with: of ALONE or TOGETHER, or those of its file."""
    file = test.partition("::")[0]
    return next((name for name, places in {**ALONE, **TOGETHER}.items() if file.startswith(places)), file)


def rank(test: str) -> int:
    """Those of TOGETHER come first, in its order, and those of ALONE after them."""
    return list((*TOGETHER, *ALONE, together(test))).index(together(test))


def is_kept_together(test: str) -> bool:
    """Whether a test is one of TOGETHER or ALONE, and so shares a lake or a JVM with others."""
    return together(test) in (*TOGETHER, *ALONE)


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """xdist's own marks for this (`loadgroup`) have no effect with pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)
