"""What tests ask about queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Clients = Callable[[str], Any]


def names(clients: Clients, prefix: str) -> list[str]:
    return [url.rpartition("/")[2] for url in clients("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])]


def timeout(clients: Clients, url: str) -> str:
    found = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    return str(found["VisibilityTimeout"])
