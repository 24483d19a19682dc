"""Tables of an account that a profile leads to: all that is signed for them is signed by whom the profile names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from pipeline.core.clients import client
from pipeline.core.lake_key import own_key
from pipeline.core.settings import client_variables
from pipeline.lake.datasets import Dataset
from pipeline.lake.tables.creation import create_table
from pipeline.lake.tables.homes import Homes
from pipeline.lake.tables.iceberg import IcebergTables
from tests.lake.tables.conftest import LOCATION

PROFILES = """
[profile person]
aws_access_key_id = {id}
aws_secret_access_key = {secret}

[profile deployment]
role_arn = arn:aws:iam::123456789012:role/delivery/sluice-dev-deployment
source_profile = person
external_id = known-to-both-accounts
role_session_name = pipeline
"""
"""As `cicd/deployment-profile.sh` writes it, but for where the first credentials are from."""


@pytest.fixture
def by_role(endpoint: str, catalog: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process speaks to an account as a role that a profile names, as builds do, and has no other credentials."""
    key = own_key()
    (tmp_path / "config").write_text(PROFILES.format(id=key.id, secret=key.secret))
    for name in client_variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "deployment")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client.cache_clear()
    yield
    client.cache_clear()


def test_a_table_is_made_changed_and_read_as_the_role_of_a_profile(by_role: None) -> None:
    columns, tables = {"id": "bigint"}, IcebergTables(homes=Homes("curated", "lake_"))
    for wanted in (columns, columns | {"note": "string"}):
        definition = {"team": "team", "dataset": "set", "stage_a": {"format": "json", "columns": wanted}}
        create_table(Dataset.model_validate(definition), "lake_by_role.set", f"{LOCATION}/by_role/set", tables)
    found = tables.load("lake_by_role.set")
    assert [field.name for field in found.schema().fields] == ["id", "note"]
    assert found.scan().to_arrow().num_rows == 0
