"""What a worker process runs before AWS's runtime client: it hides what the function's package does not contain.

Run as a script by the workers. Without it, a module that packaging forgot would be found in the checkout, which an
editable install offers to every Python of the environment, and the package would only fail on AWS.
"""

from __future__ import annotations

import os
import runpy
import sys


def hide_checkout() -> None:
    """Forget editable installs: their finders, their path hooks and their marks on the path."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not _is_editable(finder)]
    sys.path_hooks[:] = [hook for hook in sys.path_hooks if not _is_editable(hook)]
    sys.path[:] = [entry for entry in sys.path if not entry.startswith("__editable__")]
    sys.path_importer_cache.clear()


class _NoPandas:
    """Finds nothing, and for pandas says so before the environment's own is found."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")


def hide_pandas() -> None:
    """Let `import pandas` fail as on AWS, unless the package or a layer has it.

    pyarrow imports it at its first array wherever it finds it, which costs a worker 0.6 s of processor and 50 MB.
    Layers of AWS's own are not here, and the environment has what is in them: a function that has one says so by the
    variable MANAGED_LAYERS.
    """
    if "AWSSDKPandas" in os.environ.get("MANAGED_LAYERS", ""):
        return
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if not any(os.path.isdir(os.path.join(folder, "pandas")) for folder in own):
        sys.meta_path.insert(0, _NoPandas())


def _is_editable(part: object) -> bool:
    return getattr(part, "__module__", "").startswith("__editable__")


if __name__ == "__main__":
    # The script's own folder: a function that imports `logs` does not mean ours.
    del sys.path[0]
    hide_checkout()
    hide_pandas()
    sys.argv[0] = "awslambdaric"
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
