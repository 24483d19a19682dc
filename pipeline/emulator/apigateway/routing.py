"""Which method of an API answers a path: the most exact, as API Gateway chooses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from pipeline.emulator.apigateway.apis import Api, Method

_ANY = "ANY"


def find_method(api: Api, verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
    """The method, and the path's parameters as they were sent; None if the API has none.

    At each segment a fixed text goes before a variable, and that before a greedy one; then ANY stands for the verbs
    that its resource does not have. A slash at the end means nothing.
    """
    sent = path.strip("/").split("/") if path.strip("/") else []
    found = sorted(
        (rank, resource, values)
        for resource in {method.path for method in api.methods}
        for rank, values in _match(resource, sent)
    )
    if not found:
        return None
    _, resource, values = found[0]
    methods = {method.verb: method for method in api.methods if method.path == resource}
    method = methods.get(verb) or methods.get(_ANY)
    return None if method is None else (method, dict(values))


def _match(resource: str, sent: Sequence[str]) -> Iterator[tuple[tuple[int, ...], list[tuple[str, str]]]]:
    parts = resource.strip("/").split("/") if resource != "/" else []
    rank: list[int] = []
    values: list[tuple[str, str]] = []
    for at, part in enumerate(parts):
        if at >= len(sent) or not sent[at]:
            return
        if part.endswith("+}"):
            values.append((part[1:-2], "/".join(sent[at:])))
            yield (*rank, 2), values
            return
        if part.startswith("{"):
            values.append((part[1:-1], sent[at]))
            rank.append(1)
        elif part == unquote(sent[at]):
            rank.append(0)
        else:
            return
    if len(parts) == len(sent):
        yield tuple(rank), values
