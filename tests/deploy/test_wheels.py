"""A Glue job finds what it imports in what Glue brings and in its own zip of wheels, without an index."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pipeline.cloudformation.templates import load_template
from pipeline.core.errors import BadDefinition, Misconfigured
from pipeline.deploy.glue_versions import GLUE_5_1
from pipeline.deploy.packaging.code import Code, interpreter
from pipeline.deploy.packaging.layers import closure_of
from pipeline.deploy.packaging.wheels import REQUIREMENTS, requirements, wheels_archive, wheels_parameter

ROOT = Path(__file__).parents[2]
RUNNING = (sys.version_info[0], sys.version_info[1])
# Packages with a compiled part are here for the Python that runs the tests, and for no other.
GLUE = replace(GLUE_5_1, python=RUNNING)
CODE = Code(ROOT, RUNNING)
JOBS = {
    name: each["Properties"]
    for path in sorted((ROOT / "definitions" / "stacks").glob("*.yaml"))
    for name, each in load_template(path)["Resources"].items()
    # A dataset's own job says its script run by run, and its wheels are its team's.
    if each["Type"] == "AWS::Glue::Job" and isinstance(each["Properties"]["Command"]["ScriptLocation"], str)
}
SCRIPTS = sorted({each["Command"]["ScriptLocation"].removeprefix("../../") for each in JOBS.values()})
NEEDING = [script for script in SCRIPTS if requirements(ROOT, script, CODE.imports, GLUE)]
# The modules are in the library, the script's own is not.
_IMPORT_ALL = """
import importlib, runpy
for name in {modules}:
    importlib.import_module(name)
runpy.run_path({script!r}, run_name="script")
for name in {packages}:
    importlib.import_module(name)
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheels")


def archive(build: Path, script: str) -> Path:
    return wheels_archive(ROOT, script, CODE.imports, GLUE, build / "zips")


def glue(folder: Path) -> Path:
    """An environment with what Glue brings, as far as the jobs need it, and nothing else; answers its Python."""
    subprocess.run([interpreter(RUNNING) or "", "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    # py4j is a part of Spark.
    for name in {*GLUE.packages, "py4j"}:
        for top in {file.parts[0] for file in distribution(name).files or () if file.parts[0] != ".."}:
            target = packages / top
            if not target.exists() and not top.startswith("__pycache__"):
                target.symlink_to(Path(str(distribution(name).locate_file(top))))
    return folder / "bin" / "python"


def installed(build: Path, script: str) -> Path:
    """The same with what Glue installs of the script's zip, as AWS documents it, and without a network."""
    python = glue(build / Path(script).stem)
    if script in NEEDING:
        folder = build / f"{Path(script).stem}-unpacked"
        zipfile.ZipFile(archive(build, script)).extractall(folder)
        command = [
            sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check",
            "--no-index", "--require-hashes", "--find-links", folder / "wheels",
            "--requirement", folder / "wheels" / REQUIREMENTS,
        ]  # fmt: skip
        offline = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=offline)
        assert done.returncode == 0, done.stderr
    return python


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_job_imports_from_glue_its_library_and_its_wheels_alone(build: Path, script: str) -> None:
    library = build / "library.zip"
    library.write_bytes(CODE.library(SCRIPTS))
    files = CODE.imports.files_of_script(script)
    modules = sorted(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files)
    packages = sorted(CODE.imports.outside({script, *files}) - sys.stdlib_module_names)
    code = _IMPORT_ALL.format(modules=modules, script=str(ROOT / script), packages=packages)
    path = [str(library), str(ROOT / "pipeline" / "emulator" / "glue" / "python")]
    command = [installed(build, script), "-I", "-c", f"import sys\nsys.path[:0] = {path}\n{code}"]
    env = {"PATH": os.environ["PATH"], "SPARK_VERSION": GLUE.spark.rpartition(".")[0]}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", NEEDING)
def test_a_zip_holds_the_wheels_that_it_names_with_hashes_of_the_lock(build: Path, script: str) -> None:
    with zipfile.ZipFile(archive(build, script)) as content:
        names = sorted(content.namelist())
        wheels = {name: content.read(name) for name in names if name.endswith(".whl")}
        lines = content.read(f"wheels/{REQUIREMENTS}").decode().splitlines()
    assert names == sorted([*wheels, f"wheels/{REQUIREMENTS}"])
    digests = sorted(hashlib.sha256(wheel).hexdigest() for wheel in wheels.values())
    assert sorted(line.partition("--hash=sha256:")[2] for line in lines) == digests
    locked = "\n".join(requirements(ROOT, script, CODE.imports, GLUE).values())
    assert [digest for digest in digests if digest not in locked] == []


@pytest.mark.parametrize("script", NEEDING)
def test_what_a_wheel_needs_is_in_the_zip_or_of_a_version_that_glue_has(build: Path, script: str) -> None:
    with zipfile.ZipFile(archive(build, script)) as content:
        wheels = [zipfile.ZipFile(content.open(name)) for name in content.namelist() if name.endswith(".whl")]
        found = [wheel.read(name) for wheel in wheels for name in wheel.namelist() if name.endswith("info/METADATA")]
    metadata = [message_from_bytes(each) for each in found]
    has = {**GLUE.packages, **{each["Name"].lower().replace("_", "-"): each["Version"] for each in metadata}}
    for each in metadata:
        for needed in map(Requirement, each.get_all("Requires-Dist", [])):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert needed.specifier.contains(has[needed.name.lower()]), (each["Name"], str(needed))


def test_what_glue_brings_is_near_to_what_the_tests_run_with() -> None:
    """The lock cannot have Glue's own build of each: of what rows go through it is the same version."""
    same = ("boto3", "pandas", "pyarrow", "pyspark", "s3transfer")
    assert {name: distribution(name).version for name in same} == {name: GLUE.packages[name] for name in same}
    for name, version in GLUE.packages.items():
        if name not in ("pytz", "tzdata", "setuptools"):
            assert distribution(name).version.split(".")[0] == version.split(".")[0], name


def test_a_zip_is_the_same_bytes_each_time(build: Path, tmp_path: Path) -> None:
    [script, *_] = NEEDING
    again = wheels_archive(ROOT, script, CODE.imports, GLUE, tmp_path)
    assert again.read_bytes() == archive(build, script).read_bytes()


@pytest.mark.parametrize("name", JOBS)
def test_a_job_names_a_zip_of_wheels_if_its_script_needs_one(name: str) -> None:
    job = JOBS[name]
    script = job["Command"]["ScriptLocation"].removeprefix("../../")
    wanted = {"Ref": wheels_parameter(Path(script).stem)} if script in NEEDING else None
    assert job["DefaultArguments"].get("--additional-python-modules") == wanted


def test_only_the_job_that_asks_deequ_has_its_jars() -> None:
    with_jars = [name for name, job in JOBS.items() if "--extra-jars" in job["DefaultArguments"]]
    assert with_jars == ["QualityJob"]


def test_no_job_installs_what_only_functions_or_the_laptop_need() -> None:
    found = {name for script in SCRIPTS for name in requirements(ROOT, script, CODE.imports, GLUE)}
    assert not {"pyiceberg", "pyspark", "boto3", "aws-lambda-powertools", "moto"} & found


def test_a_module_of_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("import nothing_of_that_name")
    with pytest.raises(BadDefinition, match=r"job\.py: imports nothing_of_that_name, which no installed package has"):
        requirements(tmp_path, "job.py", Code(tmp_path, RUNNING).imports, GLUE)


def test_a_package_that_the_lock_lacks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text("other==1 \\\n    --hash=sha256:00\n")
    with pytest.raises(Misconfigured, match=r"requirements.lock has no pydeequ"):
        closure_of(tmp_path, ["pydeequ"])


def test_a_wheel_with_another_hash_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("import typing_inspection")
    version = distribution("typing-inspection").version
    lock = f"typing-inspection=={version} \\\n    --hash=sha256:{'0' * 64}\n    # via pydantic\n"
    (tmp_path / "requirements.lock").write_text(lock)
    with pytest.raises(Misconfigured, match="the wheels of job could not be fetched"):
        wheels_archive(tmp_path, "job.py", Code(tmp_path, RUNNING).imports, GLUE)
    assert not list(tmp_path.rglob("*.gluewheels.zip"))
