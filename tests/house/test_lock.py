"""What is installed is what the lock says, byte for byte."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize("path", ["requirements.lock", "cicd/checkov.lock", "cicd/clients.lock"])
def test_every_dependency_is_pinned_by_version_and_hash(path: str) -> None:
    lock = (ROOT / path).read_text().replace("\\\n", " ")
    entries = [line for line in lock.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(entries) > 50
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_set_up_installs_nothing_whose_hash_is_not_in_the_lock() -> None:
    lines = [line for path in ("cicd/setup.sh", "Makefile") for line in (ROOT / path).read_text().splitlines()]
    installing = [line for line in lines if "pip install" in line or "pip sync" in line]
    # The checkout itself comes without its dependencies.
    assert [line for line in installing if "--require-hashes" not in line and "--no-deps" not in line] == []
    assert installing
