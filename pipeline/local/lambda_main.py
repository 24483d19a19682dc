"""What a worker process runs before AWS's runtime client: it hides what the function's package does not contain.

Run as a script by the workers. Without it, a module that packaging forgot would be found in the checkout, which an
editable install offers to every Python of the environment, and the package would only fail on AWS.
"""

from __future__ import annotations

import runpy
import sys


def hide_checkout() -> None:
    """Forget editable installs: their finders, their path hooks and their marks on the path."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not _is_editable(finder)]
    sys.path_hooks[:] = [hook for hook in sys.path_hooks if not _is_editable(hook)]
    sys.path[:] = [entry for entry in sys.path if not entry.startswith("__editable__")]
    sys.path_importer_cache.clear()


def _is_editable(part: object) -> bool:
    return getattr(part, "__module__", "").startswith("__editable__")


if __name__ == "__main__":
    # The script's own folder: a function that imports `logs` does not mean ours.
    del sys.path[0]
    hide_checkout()
    sys.argv[0] = "awslambdaric"
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
