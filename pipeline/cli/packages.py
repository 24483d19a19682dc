"""The package that commands deploy to an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.output import console

if TYPE_CHECKING:
    from pipeline.deploy.packaging import Package


def packaged_for_aws(root: Path, folder: Path | None = None) -> Package:
    """The checkout as the package for every account, in `folder` or `build/package`; says that it takes a while."""
    from pipeline.deploy.packaging import Target, package
    from pipeline.toolchain.jars import deequ_jars

    with console.status("packaging: the layers take a minute the first time …"):
        return package(root, folder or root / "build" / "package", target=Target.AWS, jars=deequ_jars())
