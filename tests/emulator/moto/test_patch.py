"""A change of moto is refused by a moto that it was not written for, and stands where it is looked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from pipeline.core.errors import Misconfigured
from pipeline.emulator.moto import patch
from tests.conftest import ROOT


class Service:
    """Stands for a class of moto."""

    def answer(self):
        return 1

    @property
    def size(self):
        return 1

    @staticmethod
    def double(number):
        return 2 * number

    @classmethod
    def name(cls):
        return cls.__name__


def add(number):
    return number + 1


@pytest.fixture(autouse=True)
def moto(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that stands for one of moto, as it was before each test; nothing is registered."""
    module = ModuleType("standing_for_moto")
    module.Service = type("Service", (), dict(vars(Service)))  # type: ignore[attr-defined]
    module.add = add  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(patch, "REGISTERED", {})
    return module


def source(name: str) -> str:
    return patch.fingerprint(vars(Service).get(name, add))


def install_all() -> None:
    for each in patch.REGISTERED.values():
        each.install()


def test_a_function_with_another_source_is_not_replaced(moto: Any) -> None:
    patch.patch("standing_for_moto:Service.answer", "000000000000", "it is wrong")(lambda self: 2)
    with pytest.raises(Misconfigured, match=r"Service\.answer has source .* written against 000000000000"):
        install_all()
    assert moto.Service().answer() == 1


@pytest.mark.parametrize("target", ["Service.gone", "gone"])
def test_what_is_not_there_is_not_replaced(moto: Any, target: str) -> None:
    patch.patch(f"standing_for_moto:{target}", source("answer"), "it is wrong")(lambda self: 2)
    with pytest.raises(Misconfigured, match="gone has source none"):
        install_all()
    assert not hasattr(moto, "gone")
    assert not hasattr(moto.Service, "gone")


def test_what_moto_has_is_not_added(moto: Any) -> None:
    patch.addition("standing_for_moto:Service.answer", "it is missing")(lambda self: 2)
    with pytest.raises(Misconfigured, match=r"moto has standing_for_moto:Service\.answer by now"):
        install_all()
    assert moto.Service().answer() == 1


def test_what_moto_has_not_is_added(moto: Any) -> None:
    patch.addition("standing_for_moto:Service.more", "it is missing")(lambda self: self.answer() + 1)
    install_all()
    assert moto.Service().more() == 2


def test_one_target_has_one_patch() -> None:
    patch.patch("standing_for_moto:Service.answer", source("answer"), "it is wrong")(lambda self: 2)
    with pytest.raises(ValueError, match=r"Service\.answer is changed twice"):
        patch.patch("standing_for_moto:Service.answer", source("answer"), "it is wrong, too")(lambda self: 3)
    with pytest.raises(ValueError, match=r"Service\.answer is changed twice"):
        patch.addition("standing_for_moto:Service.answer", "it is missing")(lambda self: 3)


def test_a_method_calls_its_original(moto: Any) -> None:
    @patch.patch("standing_for_moto:Service.answer", source("answer"), "it is too little")
    def answer(self):
        return answer.original(self) + 10

    install_all()
    assert moto.Service().answer() == 11


def test_a_function_calls_its_original(moto: Any) -> None:
    @patch.patch("standing_for_moto:add", source("add"), "it is too little")
    def more(number):
        return more.original(number) + 10

    install_all()
    assert moto.add(1) == 12
    assert more(1) == 12


def test_a_property_calls_its_original(moto: Any) -> None:
    @patch.patch("standing_for_moto:Service.size", source("size"), "it is too little")
    def size(self):
        return size.original(self) + 10

    install_all()
    assert moto.Service().size == 11


def test_a_static_method_calls_its_original(moto: Any) -> None:
    @patch.patch("standing_for_moto:Service.double", source("double"), "it is too little")
    def double(number):
        return double.original(number) + 10

    install_all()
    assert moto.Service.double(1) == moto.Service().double(1) == 12


def test_a_class_method_calls_its_original(moto: Any) -> None:
    @patch.patch("standing_for_moto:Service.name", source("name"), "it is too little")
    def name(cls):
        return name.original(cls) + "!"

    install_all()
    assert moto.Service.name() == "Service!"


def test_who_has_imported_a_function_gets_its_replacement(moto: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    importer = ModuleType("standing_for_moto.importer")
    importer.add = moto.add  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, importer.__name__, importer)
    patch.patch("standing_for_moto:add", source("add"), "it is too little", rebind="standing_for_moto")(
        lambda number: 0
    )
    install_all()
    assert importer.add(1) == moto.add(1) == 0


def test_installing_twice_changes_nothing(aws: None) -> None:
    from moto.sqs.models import SQSBackend

    before = SQSBackend.receive_message
    patch.install_all()
    assert SQSBackend.receive_message is before


def decorators(module: str) -> set[str]:
    """The names of those that a module imports from `patch`."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "pipeline.emulator.moto.patch":
            found |= {name.name for name in node.names} & {"patch", "addition", "setup"}
    return found


PARTS_OF_INTERPRETER = {
    f"pipeline.emulator.stepfunctions.interpreter.{name}"
    for name in ("clock", "failure_events", "jsonata_functions", "locations", "parameters")
}
"""What patches there use, and nothing else does."""


def test_every_module_among_the_patches_registers_something() -> None:
    assert {name for name in patch.modules() if not decorators(name)} == PARTS_OF_INTERPRETER


def test_no_module_elsewhere_changes_moto() -> None:
    package = ROOT / "pipeline"
    everywhere = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in package.rglob("*.py")}
    assert [name for name in sorted(everywhere - set(patch.modules())) if decorators(name)] == []


def test_a_service_that_few_use_is_not_loaded_before_it_is_asked_for_and_changed_then() -> None:
    told = """
import sys
import pipeline.emulator
from pipeline.emulator.moto import patch
patch.install_all()
assert not {"moto.rds", "moto.ec2.models"} & sys.modules.keys()
from moto.backends import get_backend
get_backend("rds")
from moto.rds.models import RDSBackend
print(RDSBackend.create_db_instance.__module__)
"""
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "pipeline.emulator.rds.patches.instances", done.stderr
