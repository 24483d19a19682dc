"""What `sluice env` prints leads every client of AWS to the lake that was meant, whatever the shell held before."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.session import Session

from pipeline.cli.env import shell_lines
from pipeline.core import settings
from pipeline.core.clients import iceberg_properties
from pipeline.core.lake_key import LakeKey

LAKE = {
    "SLUICE_RAW_BUCKET": "raw",
    "AWS_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4580",
    "AWS_ACCESS_KEY_ID": "SLUICE1",
    "AWS_SECRET_ACCESS_KEY": "ours",
}
ACCOUNT = {"SLUICE_RAW_BUCKET": "raw-dev", "AWS_REGION": "eu-central-1", "AWS_PROFILE": "dev o'ps"}
LEFT = {
    "AWS_PROFILE": "mine",
    "AWS_DEFAULT_PROFILE": "mine",
    "AWS_ACCESS_KEY_ID": "AKIAMINE",
    "AWS_SECRET_ACCESS_KEY": "mine",
    "AWS_SESSION_TOKEN": "mine",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2",
    "AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:3",
}

SERVICES = ("s3", "glue", "sqs")
PROFILES = ("mine", "dev")


def fresh(patch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    """This process's variables of AWS become those."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    for name, value in environ.items():
        patch.setenv(name, value)


def evaluated(values: dict[str, str], before: dict[str, str]) -> dict[str, str]:
    """What of AWS and Sluice a shell has after `eval`."""
    with pytest.MonkeyPatch.context() as patch:
        fresh(patch, before)
        script = "\n".join((*shell_lines(values, settings.client_variables()), "exec env -0"))
    shell = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **before}
    done = subprocess.run(["sh", "-eu", "-c", script], env=shell, capture_output=True, text=True, check=True)
    pairs = (pair.partition("=") for pair in done.stdout.split("\0"))
    return {name: value for name, _, value in pairs if name.startswith(("AWS_", "SLUICE_"))}


@pytest.mark.parametrize("values", [LAKE, ACCOUNT], ids=["embedded", "account"])
@pytest.mark.parametrize("before", [{}, LEFT, LAKE, ACCOUNT], ids=["nothing", "leftovers", "a lake", "an account"])
def test_a_shell_has_what_was_printed_and_nothing_of_before(values: dict[str, str], before: dict[str, str]) -> None:
    assert evaluated(values, before) == values


def test_nothing_is_taken_from_who_signs_by_other_means() -> None:
    bare = {"SLUICE_RAW_BUCKET": "raw"}
    assert evaluated(bare, LEFT) == {**LEFT, **bare}


def made(service: str) -> Any:
    return boto3.Session(botocore_session=Session()).client(service, region_name="eu-west-1")


def test_a_client_of_that_shell_goes_to_the_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(monkeypatch, evaluated(LAKE, LEFT))
    assert {made(service).meta.endpoint_url for service in SERVICES} == {LAKE["AWS_ENDPOINT_URL"]}
    assert made("s3")._request_signer._credentials.access_key == LAKE["AWS_ACCESS_KEY_ID"]


def test_so_does_a_command_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(monkeypatch, LEFT)
    key = LakeKey(LAKE["AWS_ACCESS_KEY_ID"], "ours")
    settings.use(endpoint=LAKE["AWS_ENDPOINT_URL"], region="eu-west-1", key=key)
    assert {made(service).meta.endpoint_url for service in SERVICES} == {LAKE["AWS_ENDPOINT_URL"]}
    assert made("s3")._request_signer._credentials.access_key == key.id


def test_and_to_the_account_of_the_profile_that_it_was_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "".join(f"[profile {name}]\naws_access_key_id={name}\naws_secret_access_key=x\n" for name in PROFILES)
    )
    fresh(monkeypatch, {**LEFT, "AWS_CONFIG_FILE": str(config)})
    settings.use(endpoint=None, region="eu-west-1", profile="dev")
    assert {made(service).meta.endpoint_url for service in SERVICES} == {
        f"https://{service}.eu-west-1.amazonaws.com" for service in SERVICES
    }
    assert made("s3")._request_signer._credentials.access_key == "dev"


REGIONS = [
    ({}, "eu-central-1"),
    ({"AWS_REGION": "eu-north-1"}, "eu-north-1"),
    ({"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
    ({"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-north-1"),
]


@pytest.mark.parametrize(("before", "region"), REGIONS, ids=["profile", "AWS_REGION", "AWS_DEFAULT_REGION", "both"])
def test_all_of_a_command_is_in_one_region_which_its_profile_names_where_the_shell_names_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: dict[str, str], region: str
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile dev]\nregion=eu-central-1\naws_access_key_id=dev\naws_secret_access_key=x\n")
    # What is set before the command is as it was after the test.
    fresh(monkeypatch, {**before, "AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "dev"})
    settings.use(endpoint=None, region=None, profile="dev")
    assert boto3.Session(botocore_session=Session()).client("s3").meta.region_name == region
    assert settings.region() == region
    assert iceberg_properties()["client.region"] == region
