"""The job for objects that are too big for a function: what it does is what the function does."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import ssl
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.response import StreamingBody
from urllib3.exceptions import ProtocolError, ReadTimeoutError, SSLError

from pipeline.core.aws_errors import is_transient
from pipeline.core.clients import client
from pipeline.core.errors import Broken, Inconsistent, Transient, WillFailAgain
from pipeline.lake.catalog import Status
from pipeline.lake.messages.stage_a import StageAInput
from pipeline.lake.settings import Setting
from stages.stage_a import staged_files
from stages.stage_a.jobs import convert

from .test_transform import NAME, Shop, shop

__all__ = ["shop"]
ARN = "arn:aws:states:eu-west-1:123456789012:execution:sluice-local-stage-a:shop-orders-1"


def run(shop: Shop, started: StageAInput, index: int) -> list[str]:
    """A run of the job, for one of the objects of an execution."""
    described = {"input": json.dumps(started.to_json()), "name": "shop-orders-1"}
    states = SimpleNamespace(describe_execution=lambda executionArn: described if executionArn == ARN else {})
    arguments = {
        "objects_table": "ObjectsTable",
        "staging_bucket": "staging",
        "quarantine_bucket": "quarantine",
        "team_topics": shop.lake.settings[Setting.TEAM_TOPICS],
    }
    with convert.told_apart():
        return staged_files.stage_objects(convert.bundle_of(ARN, index, states), convert.JobLake(arguments))


def started(shop: Shop, *files: str) -> StageAInput:
    works = tuple(shop.drop(f"{n}.csv", body) for n, body in enumerate(files))
    contract = {"id": {"type": "bigint"}}
    return StageAInput(str(NAME), "append", {"format": "csv"}, contract, "https://q", works, 1, by_job=True)


def test_a_run_stages_the_object_of_its_place_and_no_other(shop: Shop):
    group = started(shop, "id\n1\n2\nx\n", "id\n3\n")
    assert run(shop, group, 1) == ["STAGED"]
    assert [shop.status(work) for work in group.objects] == [Status.REGISTERED, Status.STAGED]
    assert run(shop, group, 0) == ["STAGED"]
    row = shop.lake.catalog.get(group.objects[0].object)
    assert row
    assert (row.rows_out, row.rows_bad, row.execution) == (2, 1, "shop-orders-1")


def test_a_run_and_a_function_find_each_others_work(shop: Shop):
    group = started(shop, "id\n1\n", "id\n2\n", "\xff\x00")
    assert shop.transform(group.objects[0]) == ["STAGED"]
    before = [shop.lake.catalog.get(work.object) for work in group.objects]
    assert run(shop, group, 0) == ["STAGED"]
    assert shop.lake.catalog.get(group.objects[0].object) == before[0]
    assert run(shop, group, 1) == ["STAGED"]
    assert run(shop, group, 1) == ["STAGED"]
    assert shop.transform(group.objects[1]) == ["STAGED"]
    assert run(shop, group, 2) == ["QUARANTINED"]
    assert shop.transform(group.objects[2]) == ["QUARANTINED"]
    assert len(client("s3").list_objects_v2(Bucket="staging")["Contents"]) == 2


@pytest.mark.parametrize(
    ("trouble", "again"),
    [(Transient("busy"), True), (OSError("the network"), True), (Broken("a bug"), False), (Inconsistent("x"), False)],
)
def test_only_what_may_pass_is_worth_another_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, trouble: Exception, again: bool
):
    def fails(*_: Any, **__: Any) -> Any:
        raise trouble

    monkeypatch.setattr(staged_files, "convert", fails)
    with pytest.raises(type(trouble) if again else WillFailAgain) as raised:
        run(shop, started(shop, "id\n1\n"), 0)
    assert again or type(trouble).__name__ in str(raised.value)


class Breaks(io.BytesIO):
    """A connection that ends before the object does."""

    def __init__(self, data: bytes, trouble: Exception | None) -> None:
        super().__init__(data)
        self.trouble = trouble

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data and self.trouble:
            raise self.trouble
        return data


ROWS = "".join(f"{number}\n" for number in range(40_000)).encode()
CSV = {"format": "csv"}
CUT: dict[str, tuple[bytes, dict[str, str]]] = {
    "csv": (b"id\n1\n", CSV),
    "parquet": (b"id\n1\n", {"format": "parquet"}),
    "xml": (b"<r><row><id>1</id></row>", {"format": "xml", "records": "row"}),
    "jsonl": (b'{"id": 1}\n', {"format": "jsonl"}),
    "gzip": (gzip.compress(ROWS)[:5000], CSV),
    "bzip2": (bz2.compress(ROWS)[:5000], CSV),
    "zip": (b"PK\x03\x04" + ROWS, CSV),
}
"""The first bytes of objects that come no further, and how they are read."""
TROUBLES = (
    ProtocolError("connection broken"),
    SSLError("broken record"),
    ReadTimeoutError(None, None, "broken off"),  # type: ignore[arg-type]
    ssl.SSLError("broken, without a number"),
    TimeoutError("broken off"),
    ConnectionResetError("broken off"),
    None,
)
BROKEN = [(content, TROUBLES[3]) for content in CUT] + [
    (content, trouble) for content in ("csv", "gzip") for trouble in TROUBLES
]


@pytest.mark.parametrize(("content", "trouble"), BROKEN)
def test_a_connection_that_breaks_is_worth_another_run(shop: Shop, content: str, trouble: Exception | None):
    data, settings = CUT[content]
    group = replace(started(shop, "id\n1\n2\n"), stage_a=settings)
    events = client("s3").meta.events

    def cut(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Body"] = StreamingBody(Breaks(data, trouble), len(data) + 1)

    events.register("after-call.s3.GetObject", cut, unique_id="cut")
    with pytest.raises(Exception, match=r"broken|\d read|timeout") as raised:
        run(shop, group, 0)
    events.unregister("after-call.s3.GetObject", unique_id="cut")
    assert is_transient(raised.value)
    assert shop.status(group.objects[0]) is Status.REGISTERED
