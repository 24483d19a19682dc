"""What moto loads late: nothing of it with the embedded AWS, all of it for whoever asks."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.emulator.deferral import PACKAGES

SERVICES = """
import sys
from pipeline.emulator.moto.patch import install_all
from pipeline.emulator.stepfunctions import service
install_all()
import moto.ssm.models
assert not {"moto.ec2.models", "moto.batch.models"} & set(sys.modules), "loaded by services of ours"
from moto.backends import get_backend
assert "123456789012" not in moto.ssm.models.ec2_backends
backend = moto.ssm.models.ec2_backends["123456789012"]["eu-west-1"]
assert "123456789012" in moto.ssm.models.ec2_backends
assert backend.all_reservations(filters={}) == []
assert backend is get_backend("ec2")["123456789012"]["eu-west-1"]
from moto.ec2.models import ec2_backends
assert backend is ec2_backends["123456789012"]["eu-west-1"]
assert len(get_backend("ec2")) == len(ec2_backends) and list(get_backend("ec2")) == list(ec2_backends)
assert get_backend("batch")["123456789012"]["eu-west-1"].region_name == "eu-west-1"
"""


def test_services_of_ours_do_not_load_it_and_it_is_there_for_who_asks() -> None:
    done = subprocess.run([sys.executable, "-c", SERVICES], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_such_a_package_brings_its_backends_and_no_more(package: str) -> None:
    found = find_spec(package)
    assert found
    assert found.submodule_search_locations
    source = Path(found.submodule_search_locations[0], "__init__.py").read_text()
    name = package.partition(".")[2]
    assert [ast.unparse(line) for line in ast.parse(source).body] == [f"from .models import {name}_backends"]


def test_what_it_does_not_have_is_missing() -> None:
    import moto.ec2

    with pytest.raises(AttributeError, match=r"'moto[.]ec2' has no attribute 'nothing'"):
        _ = moto.ec2.nothing
