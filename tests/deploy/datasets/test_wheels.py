"""The packages of a transform: fetched by their hashes, put where the dataset's role reads them, once."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured
from pipeline.deploy.datasets.grants import Whereabouts, grants
from pipeline.deploy.datasets.wheels import upload_wheels, wheels_key
from pipeline.deploy.glue_versions import GLUE_5_1
from pipeline.lake.datasets import Dataset

HERE = replace(GLUE_5_1, python=sys.version_info[:2], platforms=())
ACCOUNT = "123456789012"
NAME = "own_package-1.0-py3-none-any.whl"


def wheel(folder: Path) -> str:
    """A wheel in a folder; its SHA-256."""
    files = {
        "own_package/__init__.py": "ANSWER = 42\n",
        "own_package-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: own-package\nVersion: 1.0\n",
        "own_package-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for name, text in files.items()
    }
    record = "".join(f"{name},sha256={digests[name]},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        for name, text in {**files, "own_package-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()


def dataset(requirements: str) -> Dataset:
    transform = {"python": "p.py:f", "requirements": "requirements.txt", "wheels": requirements}
    return Dataset.model_validate(
        {"team": "shop", "dataset": "sales", "stage_a": {"format": "csv"}, "transform": transform}
    )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes wheels from, and no other place."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


@pytest.fixture
def bucket(aws: None) -> str:
    name = f"sluice-dev-artefacts-{ACCOUNT}-eu-west-1"
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


def test_what_a_transform_imports_is_one_zip_that_glue_installs(index: Path, bucket: str) -> None:
    its = dataset(f"own-package==1.0 --hash=sha256:{wheel(index)}\n")
    uri = upload_wheels(its, HERE, client("s3"), bucket, ACCOUNT)
    (index / NAME).unlink()
    assert upload_wheels(its, HERE, client("s3"), bucket, ACCOUNT) == uri, "what is there is not fetched again"
    assert grants(its, "sluice", "dev", Whereabouts("aws", "eu-west-1", ACCOUNT, HERE))["TransformWheelsUri"] == uri
    key = uri.removeprefix(f"s3://{bucket}/")
    assert key.startswith("transforms/shop/sales/")
    assert key.endswith(".gluewheels.zip")
    content = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == [f"wheels/{NAME}", "wheels/requirements.txt"]
        assert b"own-package==1.0 --hash=sha256:" in archive.read("wheels/requirements.txt")


def test_a_wheel_with_another_hash_is_refused(index: Path, bucket: str) -> None:
    wheel(index)
    its = dataset(f"own-package==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(Misconfigured, match="could not be fetched"):
        upload_wheels(its, HERE, client("s3"), bucket, ACCOUNT)
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_other_requirements_or_another_python_are_another_zip() -> None:
    one, other = dataset("a==1 --hash=sha256:0\n"), dataset("a==2 --hash=sha256:0\n")
    assert len({wheels_key(one, HERE), wheels_key(other, HERE), wheels_key(one, replace(HERE, python=(3, 99)))}) == 3
    assert wheels_key(dataset(""), HERE) is None
