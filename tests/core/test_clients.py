"""Clients of AWS, as every part of the library gets them."""

from __future__ import annotations

import pytest

from pipeline.core.clients import client
from pipeline.core.lake_key import LakeKey


def test_a_process_that_comes_to_another_lake_signs_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (LakeKey.make(), LakeKey.make()):
        for name, value in key.variables().items():
            monkeypatch.setenv(name, value)
        client.cache_clear()
        signing = client("s3")._request_signer._credentials
        assert (signing.access_key, signing.secret_key) == (key.id, key.secret)
    client.cache_clear()
