"""A package is taken for its checkout's as long as nothing that it is made from has changed, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.deploy.packaging import Package, Target, package, stamps

TEMPLATE = """
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties: {Handler: stages.work.run, CodeUri: ../../stages}
"""
FILES = {
    "pyproject.toml": "[project]",
    "requirements.lock": "",
    "pipeline/__init__.py": "",
    "pipeline/unused.py": "",
    "stages/__init__.py": "",
    "stages/work.py": "import stages.told\ndef run(event, context): ...",
    "stages/told.py": "__file__",
    "stages/told.txt": "data",
    "definitions/stacks/small.yaml": TEMPLATE,
    "definitions/state_machines/m.asl.json": "{}",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "checkout" / name).write_text(content)
    return tmp_path / "checkout"


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    (tmp_path / "a.jar").write_bytes(b"jar")
    return tmp_path / "a.jar"


@pytest.fixture
def folder(checkout: Path, jar: Path) -> Path:
    made = package(checkout, checkout.parent / "package", target=Target.EMBEDDED, jars=[jar])
    stamps.keep(made.folder, stamps.stamp(checkout, Target.EMBEDDED, [jar]))
    return made.folder


def found(checkout: Path, folder: Path, jar: Path, target: Target = Target.EMBEDDED) -> Package | None:
    return stamps.stamped(folder, stamps.stamp(checkout, target, [jar]))


def test_the_package_of_an_unchanged_checkout_is_taken_whole(checkout: Path, folder: Path, jar: Path) -> None:
    (checkout / "stages" / "__pycache__").mkdir()
    (checkout / "stages" / "__pycache__" / "work.pyc").write_bytes(b"compiled meanwhile")
    (taken := found(checkout, folder, jar)) or pytest.fail("it is not taken")
    assert [template.name for template in taken.templates] == ["small"]


@pytest.mark.parametrize("name", [*FILES, "stages/new.py", "definitions/stacks/new.yaml"])
def test_whatever_file_changes_or_comes_makes_it_another(checkout: Path, folder: Path, jar: Path, name: str) -> None:
    (checkout / name).write_text(FILES.get(name, "") + "\n# changed")
    assert found(checkout, folder, jar) is None


@pytest.mark.parametrize("name", FILES)
def test_so_does_one_that_is_gone_or_has_another_name(checkout: Path, folder: Path, jar: Path, name: str) -> None:
    path = checkout / name
    path.rename(path.with_name(f"other-{path.name}"))
    assert found(checkout, folder, jar) is None


def without_manifest(folder: Path, jar: Path) -> None:
    (folder / "manifest.json").unlink()


def with_another_template(folder: Path, jar: Path) -> None:
    (folder / "templates" / "small.yaml").write_text("Resources: {}")


def with_one_template_more(folder: Path, jar: Path) -> None:
    (folder / "templates" / "more.yaml").write_text("Resources: {}")


def without_stamp(folder: Path, jar: Path) -> None:
    folder.with_name("package.stamp").unlink()


def with_another_jar(folder: Path, jar: Path) -> None:
    jar.write_bytes(b"another jar")


@pytest.mark.parametrize(
    "change",
    [without_manifest, with_another_template, with_one_template_more, without_stamp, with_another_jar],
)
def test_so_does_whatever_happens_to_the_package_itself(
    checkout: Path, folder: Path, jar: Path, change: Callable[[Path, Path], None]
) -> None:
    change(folder, jar)
    assert found(checkout, folder, jar) is None


def test_one_for_the_embedded_aws_is_not_one_for_aws(checkout: Path, folder: Path, jar: Path) -> None:
    assert found(checkout, folder, jar, Target.AWS) is None
