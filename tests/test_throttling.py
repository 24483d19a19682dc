"""What AWS refuses for the rate of calls is an error of its own, which state machines try again for hours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.retries.standard import ThrottledRetryableChecker
from botocore.stub import Stubber

from pipeline.core.aws_errors import THROTTLING_CODES, TRANSIENT_CODES
from pipeline.core.clients import client
from pipeline.core.dynamo import transact
from pipeline.core.errors import Throttled, Transient
from pipeline.lake.services import handler


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem")


def raised_for(error: Exception) -> Exception:
    @handler
    def work(event: dict[str, Any], lake: object) -> None:
        raise error

    with pytest.raises(Exception, match=r"no|time") as raised:
        work({}, SimpleNamespace(aws_request_id="1"))
    return raised.value


def test_every_code_that_the_sdk_takes_for_throttling_is_ours():
    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) <= THROTTLING_CODES | TRANSIENT_CODES
    assert not THROTTLING_CODES & TRANSIENT_CODES


@pytest.mark.parametrize("code", sorted(THROTTLING_CODES))
def test_what_is_throttled_within_a_function_is_named_so_to_its_state_machine(code: str):
    assert type(raised_for(refusal(code))) is Throttled


@pytest.mark.parametrize("error", [*map(refusal, sorted(TRANSIENT_CODES)), ConnectTimeoutError(endpoint_url="time")])
def test_other_passing_troubles_are_not_taken_for_throttling(error: Exception):
    assert type(raised_for(error)) is Transient


def test_what_does_not_pass_stays_what_it_is():
    assert type(raised_for(refusal("AccessDenied"))) is ClientError


@pytest.mark.parametrize(
    ("code", "kind"),
    [("ThrottlingError", Throttled), ("ProvisionedThroughputExceeded", Throttled), ("TransactionConflict", Transient)],
)
def test_a_transaction_that_is_cancelled_for_too_many_writes_is_throttled(aws: None, code: str, kind: type[Exception]):
    dynamodb = client("dynamodb")
    reasons = {"CancellationReasons": [{"Code": "None"}, {"Code": code}]}
    with Stubber(dynamodb) as stub:
        stub.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=reasons)
        with pytest.raises(Transient) as raised:
            transact(dynamodb, [{"Put": {"TableName": "t", "Item": {}}}])
    assert type(raised.value) is kind
