"""How fast the embedded Step Functions is, and whether its memory grows.

    python -m tests.benchmarks.engine [--executions N] [--rounds N]

Five states, one of which calls a function in a warm worker: started by four threads of one process, run by the lake in
another, until none runs. The median of the rounds; the processor time of the lake's process tells more than it where
the machine has other work. Memory is the resident size of that process.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from pipeline.core.lake_key import own_key
from tests.benchmarks.serving import serving

ROLE = "arn:aws:iam::123456789012:role/r"
REGION = "eu-west-1"
THREADS = 4
PATIENCE_S = 300
STATES: dict[str, Any] = {
    "First": {"Type": "Pass", "Next": "Second"},
    "Second": {"Type": "Pass", "Next": "Work"},
    "Work": {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "work", "Payload.$": "$"},
        "OutputPath": "$.Payload",
        "Next": "Fine?",
    },
    "Fine?": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThanEquals": 0, "Next": "Done"}]},
    "Done": {"Type": "Succeed"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=1000, help="in a round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
        return
    with serving("tests.benchmarks.engine") as (told, pid):
        measure(told["endpoint"], pid, given.executions, given.rounds)


def serve(folder: Path) -> None:
    """A lake without Spark, until the standard input ends."""
    from pipeline.emulator.supervisor import EmbeddedLake

    lake = EmbeddedLake(folder, port=0, region=REGION, spark=False)
    lake.start()
    print(json.dumps({"endpoint": lake.endpoint, "key": asdict(own_key())}), flush=True)
    sys.stdin.read()
    lake.stop()


def measure(endpoint: str, pid: int, executions: int, rounds: int) -> None:
    machines = client(endpoint, "stepfunctions")
    machine = create(endpoint)
    run(machines, machine, 100)
    rates, sizes, began = [], [], cpu_s(pid)
    for _ in range(rounds):
        rates.append(executions / run(machines, machine, executions))
        sizes.append(resident_mb(pid))
    total = executions * rounds
    spent_ms = (cpu_s(pid) - began) * 1000 / total
    listed = read_all(machines, machine)
    assert listed == total + 100, listed
    print(f"five states, one with a function     {statistics.median(rates):6.0f} executions/s")
    print(f"processor time of the lake           {spent_ms:6.1f} ms/execution")
    print(f"memory after {executions:<6} executions       {sizes[0]:6.0f} MB")
    print(f"memory after {total:<6} executions       {sizes[-1]:6.0f} MB")
    print(f"after all were listed and some read  {resident_mb(pid):6.0f} MB")


def client(endpoint: str, service: str) -> Any:
    keys = {"region_name": REGION}
    return boto3.client(service, endpoint_url=endpoint, config=Config(max_pool_connections=THREADS), **keys)


def create(endpoint: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("app.py", "def handler(event, context): return event")
    client(endpoint, "iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    client(endpoint, "lambda").create_function(
        FunctionName="work",
        Runtime="python3.12",
        Handler="app.handler",
        Role=ROLE,
        Timeout=60,
        Code={"ZipFile": archive.getvalue()},
    )
    definition = json.dumps({"StartAt": "First", "States": STATES})
    made = client(endpoint, "stepfunctions").create_state_machine(name="bench", definition=definition, roleArn=ROLE)
    return str(made["stateMachineArn"])


def run(machines: Any, machine: str, executions: int) -> float:
    """Seconds until as many executions have run; at most `THREADS` starts wait for their answers at once."""
    began = time.monotonic()
    running = threading.BoundedSemaphore(THREADS)

    def start(n: int) -> None:
        with running:
            machines.start_execution(stateMachineArn=machine, input=json.dumps({"n": n}))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(start, range(executions)))
    while machines.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=1)["executions"]:
        assert time.monotonic() - began < PATIENCE_S, "executions do not end"
        time.sleep(0.05)
    return time.monotonic() - began


def read_all(machines: Any, machine: str) -> int:
    listed = 0
    for page in machines.get_paginator("list_executions").paginate(stateMachineArn=machine):
        listed += len(page["executions"])
        arn = page["executions"][0]["executionArn"]
        assert machines.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"
        assert len(machines.get_execution_history(executionArn=arn)["events"]) == 15
    return listed


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used, without its children."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
