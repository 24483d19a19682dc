"""Deploys the sources of forecasts of a checkout: each has a stack of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import Refused
from pipeline.deploy.engine import LAKE, Stack
from pipeline.deploy.failures import Failures
from pipeline.forecasts.definition import ForecastSource
from pipeline.forecasts.files import read_all

if TYPE_CHECKING:
    from pipeline.deploy.engine import Backend

NETWORK = "Network"
"""The parameter that is `none` in an embedded lake, where every source is one of one's own."""
STACK_KIND = "forecast"
"""Stands in the name of the stack of every source, after lake and environment."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one source's stack."""

    source: str
    changed: bool

    def __str__(self) -> str:
        return f"forecasts of {self.source}: {'deployed' if self.changed else 'unchanged'}"


def apply(root: Path, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Iterator[Applied]:
    """Deploy each source with the packaged `template`, and what of `parameters` it declares; yields each as it is done.

    One that fails leaves the others to be deployed: they are, and `Refused` then says what failed and why.
    """
    failures = Failures()
    for source in [each.source for each in read_all(root).or_raise()]:
        with failures.of(source.source):
            _reachable(source, backend)
            stack = stack_of(source, backend, template, parameters)
            yield Applied(source.source, backend.stacks.deploy(*stack).changed)
    failures.raise_any("sources of forecasts")


def stacks(root: Path, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Iterator[Stack]:
    """The stacks of the sources, for a plan."""
    for each in read_all(root).or_raise():
        yield stack_of(each.source, backend, template, parameters)


def _reachable(source: ForecastSource, backend: Backend) -> None:
    """`Refused` for a topic or bucket of the account's that is not the environment's: roles reach none of those."""
    if source.topic is None or source.bucket is None or backend.settings.get(NETWORK) == "none":
        return
    *_, account, topic = source.topic.split(":")
    own = f"{LAKE}-{backend.env}-"
    if account == backend.account and not (topic.startswith(own) and source.bucket.startswith(own)):
        raise Refused(
            f"topic {topic} and bucket {source.bucket} are of the environment's own account, of which its roles reach "
            f"nothing but what is called {own}…",
            hint="Leave topic and bucket out: the source's stack then makes a bucket, into which files are put.",
        )


def stack_of(source: ForecastSource, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Stack:
    """A source's stack, with what its packaged template declares. Stack names have hyphens only."""
    name = source.source.replace("_", "-")
    own = {
        "Lake": LAKE,
        "Env": backend.env,
        "ForecastSource": source.source,
        "SourceName": name,
        "Definition": source.to_json(),
        "Topic": source.topic or "",
        "Bucket": source.bucket or "none",
        "TopicRegion": source.topic.split(":")[3] if source.topic else "",
    }
    return Stack.packaged(f"{LAKE}-{backend.env}-{STACK_KIND}-{name}", template, {**parameters, **own}, backend.stored)
