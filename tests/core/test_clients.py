"""Clients of AWS, as every part of the library gets them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import UnknownServiceError
from botocore.session import get_session

from pipeline.core.clients import client
from pipeline.core.lake_key import LakeKey
from pipeline.core.service_models import models


def test_a_process_that_comes_to_another_lake_signs_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (LakeKey.make(), LakeKey.make()):
        for name, value in key.variables().items():
            monkeypatch.setenv(name, value)
        client.cache_clear()
        signing = client("s3")._request_signer._credentials
        assert (signing.access_key, signing.secret_key) == (key.id, key.secret)
    client.cache_clear()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The folders that are listed while a process makes its first clients."""
    folders: list[str] = []
    whole = os.listdir

    def listdir(path: str = ".") -> list[str]:
        folders.append(str(path))
        return whole(path)

    monkeypatch.setattr(os, "listdir", listdir)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client.cache_clear()
    models.cache_clear()
    yield folders
    client.cache_clear()


def test_a_client_is_made_without_a_look_at_every_other_service(opened: list[str]) -> None:
    assert client("sqs").can_paginate("list_queues")
    assert "sqs" in {os.path.basename(folder) for folder in opened}
    assert len(opened) < 20


def test_another_session_reads_no_model_again(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first = client("sqs")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client.cache_clear()
    opened.clear()
    assert client("sqs") is not first
    assert opened == []


def test_clients_are_those_of_botocore(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    plain = get_session()
    for service in ("dynamodb", "glue", "s3", "sqs", "ssm", "stepfunctions"):
        theirs = plain.create_client(service, region_name="eu-west-1")
        assert client(service).meta.method_to_api_mapping == theirs.meta.method_to_api_mapping
        assert client(service).waiter_names == theirs.waiter_names
    with pytest.raises(UnknownServiceError):
        client("no-such-service")
