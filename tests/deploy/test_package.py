"""A package is made once, without an account, and is deployed unchanged to any: artefacts by digest, one parameter."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipeline.cloudformation.templates import load_template
from pipeline.core.errors import BadDefinition, Refused
from pipeline.deploy.packaging import Package, Target, package, read_package, upload
from pipeline.deploy.packaging.package import once

ACCOUNT = "123456789012"
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Env: {Type: String}
  LibraryUri: {Type: String}
  DeequJarUris: {Type: String}
Globals:
  Function: {CodeUri: ../../, AutoPublishAlias: live}
Resources:
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: ../../build/layers/base}}
  Work: {Type: AWS::Serverless::Function, Properties: {Handler: stages.work.run, CodeUri: ../../stages}}
  Job:
    Type: AWS::Glue::Job
    Properties: {Role: !Sub "${Env}-role", Command: {Name: glueetl, ScriptLocation: ../../stages/job.py}}
  Other:
    Type: AWS::Glue::Job
    Properties: {Role: r, Command: {Name: glueetl, ScriptLocation: s3://elsewhere/job.py}}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: ../machines/m.asl.json
      DefinitionSubstitutions: {Script: ../../stages/job.py, Job: !Ref Job}
"""

ONCE_A_DATASET = """
Metadata: {SluiceOnce: dataset}
Resources: {Inbox: {Type: AWS::SQS::Queue}}
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
        "pipeline/errors.py": "",
        "pipeline/other.py": "",
        "stages/work.py": "from pipeline import errors",
        "stages/job.py": "from pipeline import other",
        "definitions/machines/m.asl.json": '{"StartAt": "A"}',
        "definitions/stacks/work.yaml": TEMPLATE,
        "definitions/stacks/dataset.yaml": ONCE_A_DATASET,
        "deequ.jar": "jar",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def run(checkout: Path, name: str = "package") -> Package:
    return package(checkout, checkout / name, target=Target.EMBEDDED, jars=[checkout / "deequ.jar"])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(content: bytes) -> set[str]:
    return {name for name in zipfile.ZipFile(io.BytesIO(content)).namelist() if not name.endswith(".pyc")}


def test_local_paths_become_keys_in_the_bucket_of_the_parameter(checkout: Path) -> None:
    made = run(checkout)
    template = load_template(made["work"].path)
    resources = {name: resource["Properties"] for name, resource in template["Resources"].items()}

    def artefact(location: dict[str, Any]) -> bytes:
        assert location["Bucket"] == {"Ref": "ArtefactBucket"}
        return (made.folder / "artefacts" / location["Key"]).read_bytes()

    assert names(artefact(resources["Work"]["CodeUri"])) == {
        "pipeline/__init__.py",
        "pipeline/errors.py",
        "stages/work.py",
    }
    assert artefact(resources["Machine"]["DefinitionUri"]) == b'{"StartAt": "A"}'
    assert names(artefact(resources["Layer"]["ContentUri"])) == {"python/.empty"}
    script = resources["Job"]["Command"]["ScriptLocation"]["Fn::Sub"].removeprefix("s3://${ArtefactBucket}/")
    assert (made.folder / "artefacts" / script).read_bytes() == b"from pipeline import other"
    assert resources["Job"]["Role"] == {"Fn::Sub": "${Env}-role"}
    assert resources["Other"]["Command"]["ScriptLocation"] == "s3://elsewhere/job.py"
    assert template["Parameters"]["ArtefactBucket"] == {"Type": "String"}
    assert "CodeUri" not in template["Globals"]["Function"]


def test_a_template_without_artefacts_gets_no_parameter(checkout: Path) -> None:
    assert "Parameters" not in load_template(run(checkout)["dataset"].path)


def test_the_same_checkout_gives_the_same_bytes_also_in_another_folder(checkout: Path, tmp_path: Path) -> None:
    first = files(run(checkout).folder)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(checkout, elsewhere, ignore=shutil.ignore_patterns("package"))
    assert files(run(elsewhere, "other").folder) == first


def test_uploading_answers_what_to_deploy_with_and_uploads_each_artefact_once(checkout: Path, s3: Any) -> None:
    made = run(checkout)
    parameters = upload(made.folder, s3, "artefacts", ACCOUNT)
    assert parameters["ArtefactBucket"] == "artefacts"
    library = parameters["LibraryUri"].removeprefix("s3://artefacts/")
    body = s3.get_object(Bucket="artefacts", Key=library)["Body"].read()
    assert names(body) == {"pipeline/__init__.py", "pipeline/other.py"}
    jar = parameters["DeequJarUris"].removeprefix("s3://artefacts/")
    assert s3.get_object(Bucket="artefacts", Key=jar)["Body"].read() == b"jar"
    uploads: list[str] = []
    s3.meta.events.register("before-call.s3.PutObject", lambda **_: uploads.append("one"))
    assert upload(made.folder, s3, "artefacts", ACCOUNT) == parameters
    assert uploads == []


def test_the_same_package_goes_to_several_buckets(checkout: Path, s3: Any) -> None:
    made = run(checkout)
    before = files(made.folder)
    s3.create_bucket(Bucket="production")
    given = [upload(made.folder, s3, bucket, ACCOUNT) for bucket in ("artefacts", "production")]
    assert [each["ArtefactBucket"] for each in given] == ["artefacts", "production"]
    assert given[0]["LibraryUri"].replace("artefacts", "production", 1) == given[1]["LibraryUri"]
    assert files(made.folder) == before


def test_a_script_that_a_machine_names_is_the_one_of_its_job(checkout: Path) -> None:
    resources = load_template(run(checkout)["work"].path)["Resources"]
    script = resources["Job"]["Properties"]["Command"]["ScriptLocation"]
    assert script["Fn::Sub"].endswith("/job.py")
    assert resources["Machine"]["Properties"]["DefinitionSubstitutions"] == {"Script": script, "Job": {"Ref": "Job"}}


def test_the_version_of_a_published_function_is_named_for_its_code(checkout: Path) -> None:
    def named() -> str:
        template = load_template(run(checkout)["work"].path)
        assert template["Resources"]["Work"]["Properties"]["AutoPublishCodeSha256"] == {"Ref": "WorkDigest"}
        return str(template["Parameters"]["WorkDigest"]["Default"])

    before = named()
    assert named() == before
    (checkout / "stages" / "work.py").write_text("from pipeline import errors, other")
    assert named() != before


def test_the_buckets_owner_is_told_with_every_call(checkout: Path, s3: Any) -> None:
    told: list[tuple[str, str | None]] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        told.append((model.name, params["headers"].get("x-amz-expected-bucket-owner")))

    s3.meta.events.register("before-call.s3", note)
    upload(run(checkout).folder, s3, "artefacts", ACCOUNT)
    assert {name for name, _ in told} == {"HeadObject", "PutObject"}
    assert {owner for _, owner in told} == {ACCOUNT}


def test_an_artefact_that_is_not_what_was_packaged_stops_the_upload_before_it_begins(checkout: Path, s3: Any) -> None:
    made = run(checkout)
    [changed] = (made.folder / "artefacts" / "library").rglob("*.zip")
    changed.write_bytes(b"another")
    with pytest.raises(Refused, match=r"library\.zip is not what was packaged"):
        upload(made.folder, s3, "artefacts", ACCOUNT)
    assert s3.list_objects_v2(Bucket="artefacts")["KeyCount"] == 0


@pytest.mark.parametrize("key", ["../../etc/passwd", "code/../x.zip", "code/0123456789abcdef0123456789abcdef/x.zip"])
def test_a_manifest_whose_keys_do_not_name_their_content_is_refused(checkout: Path, key: str) -> None:
    path = run(checkout).folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["artefacts"][key] = {"sha256": "f" * 64, "size": 1}
    path.write_text(json.dumps(manifest))
    with pytest.raises(BadDefinition, match="does not name its content"):
        read_package(path.parent)


def test_a_package_of_another_format_is_refused(checkout: Path) -> None:
    path = run(checkout).folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(BadDefinition, match="format 2 is not known"):
        read_package(path.parent)


def test_a_file_in_place_of_a_package_is_told_as_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("no package")
    with pytest.raises(BadDefinition, match="there is no package"):
        read_package(path)


def test_a_folder_that_holds_something_else_is_not_replaced(checkout: Path) -> None:
    with pytest.raises(Refused, match="no package"):
        run(checkout, "stages")
    assert (checkout / "stages" / "job.py").exists()


def test_packaging_again_leaves_nothing_of_the_package_before(checkout: Path) -> None:
    run(checkout)
    (checkout / "definitions" / "machines" / "m.asl.json").write_text('{"StartAt": "B"}')
    machines = [path for path in (run(checkout).folder / "artefacts" / "machines").rglob("*") if path.is_file()]
    assert [path.read_text() for path in machines] == ['{"StartAt": "B"}']


def test_the_stack_of_a_dataset_is_not_one_of_the_lake(checkout: Path) -> None:
    assert [path.name for path in run(checkout).of_the_lake()] == ["work.yaml"]


def test_a_template_says_itself_that_it_is_deployed_once_a_team_and_nothing_that_nobody_deploys(checkout: Path) -> None:
    path = checkout / "definitions" / "stacks" / "inbox.yaml"
    (checkout / "definitions" / "stacks" / "dataset.yaml").rename(path)
    path.write_text(path.read_text().replace("dataset", "team"))
    assert (run(checkout)["inbox"].once, run(checkout)["work"].once) == ("team", "lake")
    path.write_text(path.read_text().replace("team", "month"))
    with pytest.raises(BadDefinition, match=r"inbox\.yaml: SluiceOnce is 'month'"):
        run(checkout)


def test_a_file_that_is_not_there_is_named_with_template_resource_and_property(checkout: Path) -> None:
    (checkout / "stages" / "job.py").unlink()
    complaint = r"^definitions/stacks/work\.yaml: Job\.Properties\.Command\.ScriptLocation: there is no file"
    with pytest.raises(BadDefinition, match=complaint):
        run(checkout)


def test_a_handler_that_is_not_there_is_named(checkout: Path) -> None:
    (checkout / "stages" / "work.py").unlink()
    with pytest.raises(BadDefinition, match=r"work\.yaml: Work\.Properties\.CodeUri: .* no module stages\.work"):
        run(checkout)


def test_a_package_of_an_earlier_release_says_by_its_files_names_what_is_once_a_dataset_or_a_team() -> None:
    older = {"Resources": {}}
    names = {name: once(older, Path(f"{name}.yaml")) for name in ("dataset", "team", "catalog")}
    assert names == {"dataset": "dataset", "team": "team", "catalog": "lake"}
