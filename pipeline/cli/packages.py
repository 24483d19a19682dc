"""The package that commands deploy to AWS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.output import console

if TYPE_CHECKING:
    from pipeline.deploy.packaging import Package


def packaged_for_aws(root: Path, folder: Path | None = None) -> Package:
    """Package the checkout for any account, into `folder` or `build/package`, with a note that it takes a while."""
    from pipeline.deploy.packaging import Target, package
    from pipeline.toolchain.jars import deequ_jars

    with console.status("packaging: the layers take a minute the first time …"):
        return package(root, folder or root / "build" / "package", target=Target.AWS, jars=deequ_jars())
