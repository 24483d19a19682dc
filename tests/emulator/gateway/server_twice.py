"""Run by test_server: one server after another in one process."""

from __future__ import annotations

import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from pipeline.core.lake_key import own_key
from pipeline.emulator.gateway.server import AwsServer


def clients(front: AwsServer) -> list[object]:
    os.environ.update(own_key().variables())
    keys = {"region_name": "eu-west-1"}
    once = Config(retries={"total_max_attempts": 1})
    return [boto3.client(s, endpoint_url=front.endpoint, config=once, **keys) for s in ("s3", "sqs", "stepfunctions")]


def main(directory: str) -> None:
    first = AwsServer(0, directory)
    first.start()
    s3, sqs, machines = clients(first)
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    sqs.create_queue(QueueName="kept")
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    machines.create_state_machine(name="m", definition=definition, roleArn="arn:aws:iam::123456789012:role/r")
    first.stop()
    try:
        s3.list_buckets()
        raise SystemExit("a stopped front answered")
    except BotoCoreError:
        pass
    second = AwsServer(0, directory)
    second.start()
    s3, sqs, machines = clients(second)
    assert s3.list_buckets()["Buckets"] == []
    assert "QueueUrls" not in sqs.list_queues()
    assert machines.list_state_machines()["stateMachines"] == []
    second.stop()


if __name__ == "__main__":
    main(sys.argv[1])
