"""What calls to a queue and an index cost the embedded AWS by how much is in them.

    python -m tests.benchmarks.depth [--depths N N N]

Processor time of a call in this process, without HTTP; the mean of several. Half of a queue's messages wait and half
are with somebody. An index is read as `sluice wait` reads it, again and again, to count what is on its way.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.emulator.awslambda.event_sources.queue_poller import _receivable
from pipeline.emulator.moto import patch

DEPTHS = (100, 1000, 10_000)
CALLS = 20
READS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=DEPTHS)
    given = parser.parse_args()
    patch.install_all()
    costs = [dict(itertools.chain(of_queue(depth), of_index(depth))) for depth in given.depths]
    print(f"| ms of processor a call | {' | '.join(f'{depth:,}' for depth in given.depths)} |")
    print("|---" * (len(given.depths) + 1) + "|")
    for name in costs[0]:
        print(f"| {name} | {' | '.join(f'{cost[name]:.2f}' for cost in costs)} |")


def of_queue(depth: int) -> Iterator[tuple[str, float]]:
    from moto.sqs.models import sqs_backends

    backend, name = sqs_backends["123456789012"]["eu-west-1"], f"depth-{depth}"
    queue = backend.create_queue(name)
    received: list[Any] = []
    for _ in range(depth):
        backend.send_message(name, "x")
    for _ in range(depth // 20):
        received += backend.receive_message(name, 10, 0, 3600)
    handles = iter([message.receipt_handle for message in received])
    yield "SendMessage", cost(lambda: backend.send_message(name, "x"))
    yield "ReceiveMessage of one", cost(lambda: backend.receive_message(name, 1, 0, 3600))
    yield "DeleteMessage", cost(lambda: backend.delete_message(name, next(handles)))
    yield "GetQueueAttributes", cost(lambda: dict(backend.get_queue_attributes(name, ["All"])))
    yield "a function's look at the queue", cost(lambda: _receivable(queue, 100))


def of_index(depth: int) -> Iterator[tuple[str, float]]:
    from moto.dynamodb.models import dynamodb_backends

    backend: Any = dynamodb_backends["123456789012"]["eu-west-1"]
    name = f"depth-{depth}"
    make_table(backend, name)
    for number in range(depth):
        since = f"2026-01-01T00:00:00Z#{number:020}"
        values = (f"raw/team/set/{number}.csv", f"{number:032}", "team/set#STAGED", since)
        row = {"size": {"N": "1000"}, "order": {"S": "0" * 60}, "history": {"L": [{"S": "REGISTERED"}] * 4}}
        backend.put_item(name, {key: {"S": value} for key, value in zip(KEYS, values, strict=True)} | row)

    def read() -> None:
        start = None
        while True:
            found = backend.scan(name, {}, None, start, None, {}, {}, "open", False, [["open_pk"]], (None, None))
            if (start := found[2]) is None:
                return

    yield "Scan of an index, all pages", cost(read, READS)


KEYS = ("path", "version_id", "open_pk", "open_sk")
PROJECTION = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["size", "order"]}


def make_table(backend: Any, name: str) -> None:
    """As the catalog's, with the index of what is not finished."""
    backend.create_table(
        name,
        schema=key_schema(*KEYS[:2]),
        attr=[{"AttributeName": key, "AttributeType": "S"} for key in KEYS],
        global_indexes=[{"IndexName": "open", "KeySchema": key_schema(*KEYS[2:]), "Projection": PROJECTION}],
        indexes=[],
        throughput=None,
        streams=None,
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )


def key_schema(first: str, second: str) -> list[dict[str, str]]:
    return [{"AttributeName": first, "KeyType": "HASH"}, {"AttributeName": second, "KeyType": "RANGE"}]


def cost(call: Callable[[], object], times: int = CALLS) -> float:
    call()
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) / times * 1000


if __name__ == "__main__":
    main()
