"""What it costs the embedded AWS to check who calls: processor time of a call with the check, and without.

    python -m tests.benchmarks.signatures [--calls N] [--rounds N]

One process serves the same AWS on two ports, of which one lets everybody in. Rounds go to the one and to the other in
turn, so that both have the same machine; the medians are told.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

from pipeline.core.lake_key import own_key
from pipeline.emulator.gateway.access import Guard
from pipeline.emulator.gateway.refusals import Answer
from pipeline.emulator.gateway.server import AwsServer
from tests.benchmarks.engine import REGION, client, cpu_s
from tests.benchmarks.serving import serving

CHECKED, OPEN = "with the check", "without"


class EverybodyIn(Guard):
    """Looks at nothing."""

    def refuse_head(self, environ: dict[str, Any]) -> Answer | None:
        return None

    def refuse(self, environ: dict[str, Any], body: bytes) -> Answer | None:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="in a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
        return
    with serving("tests.benchmarks.signatures") as (told, pid):
        print_costs({name: calls_of(endpoint) for name, endpoint in told["ports"].items()}, pid, given)


def serve(folder: Path) -> None:
    """Both ports, until the standard input ends."""
    from pipeline.emulator.gateway.http_server import Server
    from pipeline.emulator.stepfunctions.interpreter import clients

    front = AwsServer(0, folder)
    front.start()
    listener = socket.create_server(("127.0.0.1", 0))
    unguarded = Server(listener, clients.application, EverybodyIn(own_key()))
    Thread(target=unguarded.serve_forever, args=(0.5,), daemon=True).start()
    ports = {CHECKED: front.endpoint, OPEN: f"http://127.0.0.1:{listener.getsockname()[1]}"}
    print(json.dumps({"ports": ports, "key": asdict(own_key())}), flush=True)
    sys.stdin.read()
    unguarded.close()
    listener.close()
    front.stop()


def calls_of(endpoint: str) -> dict[str, Callable[[], Any]]:
    """Calls by what they are, on a table and a bucket that the first endpoint of several has made."""
    dynamodb, s3 = client(endpoint, "dynamodb"), client(endpoint, "s3")
    if not dynamodb.list_tables()["TableNames"]:
        dynamodb.create_table(
            TableName="bench",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="bench", Key="small", Body=b"1" * 1000)
    large = b"1" * 1_000_000
    return {
        "DynamoDB GetItem": lambda: dynamodb.get_item(TableName="bench", Key={"id": {"S": "1"}}),
        "S3 GetObject, 1 kB": lambda: s3.get_object(Bucket="bench", Key="small")["Body"].read(),
        "S3 PutObject, 1 MB": lambda: s3.put_object(Bucket="bench", Key="large", Body=large),
    }


def print_costs(calls: dict[str, dict[str, Callable[[], Any]]], pid: int, given: argparse.Namespace) -> None:
    print(f"| ms of processor a call | {CHECKED} | {OPEN} |\n|---|---|---|")
    for name in calls[CHECKED]:
        spent: dict[str, list[float]] = {CHECKED: [], OPEN: []}
        for _ in range(given.rounds + 1):
            for port, found in spent.items():
                found.append(spent_ms(calls[port][name], pid, given.calls))
        # The first round warms up.
        checked, unchecked = (statistics.median(spent[port][1:]) for port in (CHECKED, OPEN))
        print(f"| {name} | {checked:.2f} | {unchecked:.2f} |", flush=True)


def spent_ms(do: Callable[[], Any], pid: int, calls: int) -> float:
    began = cpu_s(pid)
    for _ in range(calls):
        do()
    return (cpu_s(pid) - began) * 1000 / calls


if __name__ == "__main__":
    main()
