"""One lake with one Spark for this folder's tests, each of which makes tables of its own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stages.rows.loading import Loader, loader


@pytest.fixture(scope="package")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loader]:
    with loader(tmp_path_factory.mktemp("spark")) as found:
        yield found
