"""The front serves AWS calls, counts them, and forgets everything when it stops."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pipeline.cli.embedded import call, signed
from pipeline.core.errors import Refused
from pipeline.emulator.gateway.calls import Call
from pipeline.emulator.gateway.server import AwsServer

KEYS = {"region_name": "eu-west-1"}


def test_a_port_in_use_is_refused_with_a_hint(front, tmp_path):
    code = (
        "from pipeline.emulator.gateway.server import AwsServer\n"
        "from pipeline.core.errors import Refused\n"
        f"front = AwsServer({front.port}, {str(tmp_path)!r})\n"
        "try: front.start()\n"
        "except Refused as refused: print(refused.message, refused.hint)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"port {front.port}" in answer.stdout
    assert "--port" in answer.stdout


def test_a_second_front_in_one_process_is_refused(front, tmp_path):
    with pytest.raises(Refused, match="already runs"):
        AwsServer(0, tmp_path).start()


def test_connections_are_kept_open_from_call_to_call(front):
    connection = http.client.HTTPConnection("127.0.0.1", front.port)
    headers = signed("GET", f"{front.endpoint}/_sluice/health")
    connection.request("GET", "/_sluice/health", headers=headers)
    assert json.load(connection.getresponse()) == {"status": "ok"}
    socket = connection.sock
    connection.request("GET", "/_sluice/health", headers=headers)
    assert connection.getresponse().read()
    assert connection.sock is socket


def test_calls_are_counted_by_service_operation_and_caller(front, aws):
    s3, sns = aws("s3"), aws("sns")
    named = boto3.client("sqs", endpoint_url=front.endpoint, config=Config(user_agent_appid="route"), **KEYS)
    s3.create_bucket(Bucket="counted", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    front.calls.reset()
    s3.put_object(Bucket="counted", Key="a/b c", Body=b"1")
    s3.get_object(Bucket="counted", Key="a/b c")
    s3.get_object(Bucket="counted", Key="a/b c")
    s3.copy_object(Bucket="counted", Key="copy", CopySource={"Bucket": "counted", "Key": "a/b c"})
    sns.create_topic(Name="topic")
    named.create_queue(QueueName="counted")
    assert front.calls.snapshot() == {
        Call("s3", "PutObject", "tests"): 1,
        Call("s3", "GetObject", "tests"): 2,
        Call("s3", "CopyObject", "tests"): 1,
        Call("sns", "CreateTopic", "tests"): 1,
        Call("sqs", "CreateQueue", "route"): 1,
    }


def test_another_process_reads_and_resets_the_counts_over_http(front, aws):
    front.calls.reset()
    aws("s3").list_buckets()
    counted = call(front.endpoint, "calls")["calls"]
    assert counted == [{"service": "s3", "operation": "ListBuckets", "caller": "tests", "count": 1}]
    call(front.endpoint, "calls", "DELETE")
    assert not front.calls.snapshot()


def test_an_idle_front_uses_next_to_no_cpu(front, aws):
    sqs = aws("sqs")
    queue = sqs.create_queue(QueueName="idle")["QueueUrl"]
    before = time.process_time()
    sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)
    assert time.process_time() - before < 0.2


def test_an_operation_that_moto_has_not_is_refused_at_once(aws):
    arn = "arn:aws:sqs:eu-west-1:123456789012:q"
    with pytest.raises(ClientError, match="NotImplemented"):
        aws("sqs").start_message_move_task(SourceArn=arn)


def test_a_stopped_front_answers_nothing_and_a_new_one_knows_nothing(tmp_path):
    # In a process of its own: this module's front runs here.
    code = Path(__file__).with_name("server_twice.py")
    subprocess.run([sys.executable, str(code), str(tmp_path)], check=True, env=os.environ, timeout=240)
