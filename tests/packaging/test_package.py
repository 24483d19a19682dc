"""Packaging uploads what templates name by local path, once, under its digest, and names it in S3."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipeline.errors import BadDefinition
from pipeline.packaging import Artefacts, Package, Target, package
from pipeline.packaging.templates import load_template

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Env: {Type: String}
  ArtefactBucket: {Type: String}
  LibraryUri: {Type: String}
  DeequJarUris: {Type: String}
Globals:
  Function: {CodeUri: ../../, AutoPublishAlias: live}
Resources:
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: ../../build/layers/base}}
  Work: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.12, CodeUri: ../../stages}}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: ../machines/m.asl.json
      DefinitionSubstitutions: {Script: ../../stages/job.py, Job: !Ref Job}
  Job:
    Type: AWS::Glue::Job
    Properties: {Role: !Sub "${Env}-role", Command: {Name: glueetl, ScriptLocation: ../../stages/job.py}}
  Other:
    Type: AWS::Glue::Job
    Properties: {Role: r, Command: {Name: glueetl, ScriptLocation: s3://elsewhere/job.py}}
"""


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="a")
        client.create_bucket(Bucket="artefacts")
        yield client


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, content in {
        "pipeline/__init__.py": "",
        "stages/job.py": "print('job')",
        "definitions/machines/m.asl.json": '{"StartAt": "A"}',
        "definitions/stacks/work.yaml": TEMPLATE,
        "definitions/stacks/dataset.yaml": "Resources: {Inbox: {Type: AWS::SQS::Queue}}",
        "deequ.jar": "jar",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def run(checkout: Path, s3: Any) -> Package:
    artefacts = Artefacts(s3, "artefacts", "123456789012")
    return package(checkout, artefacts, target=Target.EMBEDDED, jars=[checkout / "deequ.jar"])


def content(s3: Any, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def test_local_paths_become_uploaded_artefacts(checkout: Path, s3: Any) -> None:
    template = load_template(run(checkout, s3)["work"].path)
    resources = {name: resource["Properties"] for name, resource in template["Resources"].items()}
    code = template["Globals"]["Function"]["CodeUri"]
    assert "stages/job.py" in zipfile.ZipFile(io.BytesIO(content(s3, code))).namelist()
    assert resources["Work"]["CodeUri"] == code
    assert content(s3, resources["Machine"]["DefinitionUri"]) == b'{"StartAt": "A"}'
    assert content(s3, resources["Job"]["Command"]["ScriptLocation"]) == b"print('job')"
    assert resources["Job"]["Role"] == {"Fn::Sub": "${Env}-role"}
    assert resources["Other"]["Command"]["ScriptLocation"] == "s3://elsewhere/job.py"
    layer = zipfile.ZipFile(io.BytesIO(content(s3, resources["Layer"]["ContentUri"])))
    assert layer.namelist() == ["python/.empty"]


def test_declared_parameters_are_given(checkout: Path, s3: Any) -> None:
    template = load_template(run(checkout, s3)["work"].path)
    defaults = {name: declared.get("Default") for name, declared in template["Parameters"].items()}
    assert defaults["Env"] is None
    assert defaults["ArtefactBucket"] == "artefacts"
    assert defaults["LibraryUri"] == template["Globals"]["Function"]["CodeUri"]
    assert content(s3, defaults["DeequJarUris"]) == b"jar"


def test_packaging_again_uploads_nothing_and_writes_the_same(checkout: Path, s3: Any) -> None:
    first = run(checkout, s3)["work"].path.read_text()
    uploads: list[str] = []
    s3.meta.events.register("before-call.s3.PutObject", lambda **_: uploads.append("one"))
    assert run(checkout, s3)["work"].path.read_text() == first
    assert uploads == []


def test_a_script_that_a_machine_names_is_the_one_of_its_job(checkout: Path, s3: Any) -> None:
    resources = load_template(run(checkout, s3)["work"].path)["Resources"]
    script = resources["Job"]["Properties"]["Command"]["ScriptLocation"]
    assert resources["Machine"]["Properties"]["DefinitionSubstitutions"] == {"Script": script, "Job": {"Ref": "Job"}}
    assert content(s3, script) == b"print('job')"


def test_published_functions_name_their_layers_so_that_other_ones_make_another_version(
    checkout: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named() -> str:
        functions = load_template(run(checkout, s3)["work"].path)["Globals"]["Function"]
        return str(functions["Environment"]["Variables"]["LAYERS_SHA256"])

    before = named()
    assert named() == before
    monkeypatch.setattr(sys.modules[package.__module__], "zip_bytes", lambda files: b"another layer")
    assert named() != before


def test_the_stack_of_a_dataset_is_not_one_of_the_lake(checkout: Path, s3: Any) -> None:
    assert [path.name for path in run(checkout, s3).of_the_lake()] == ["work.yaml"]


def test_a_file_that_is_not_there_is_named_with_template_resource_and_property(checkout: Path, s3: Any) -> None:
    (checkout / "stages" / "job.py").unlink()
    complaint = r"^definitions/stacks/work\.yaml: Job\.Properties\.Command\.ScriptLocation: there is no file"
    with pytest.raises(BadDefinition, match=complaint):
        run(checkout, s3)
