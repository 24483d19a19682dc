"""Deploys the feeds of a checkout: the target is brought to the contract first, and then the feed's function to it.

Each step is harmless to repeat. A function that still has the contract before writes on meanwhile: a target's columns
only come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured, NotThere, Refused
from pipeline.core.settings import parameter_prefix, region
from pipeline.deploy.engine import LAKE, Stack
from pipeline.deploy.failures import Failures
from pipeline.feeds.definition import Feed
from pipeline.feeds.files import read_all
from pipeline.feeds.settings import Setting

if TYPE_CHECKING:
    from pipeline.deploy.engine import Backend

STACK_KIND = "feed"
"""Stands in the name of the stack of every feed, after lake and environment."""

VIEW_TYPES = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
"""What a source's stream has to say of a change (`StreamViewType`)."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source's stream, by its ARN, and the ARN of the key that the table is encrypted with; empty for DynamoDB's."""

    stream: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one feed: the statements that its target was changed by, and whether its stack was changed."""

    feed: str
    statements: str
    deployed: bool

    def __str__(self) -> str:
        done = ["target migrated"] * bool(self.statements) + ["function deployed"] * self.deployed
        return f"feed {self.feed}: {', '.join(done) or 'unchanged'}"


def wanted(root: Path, backend: Backend) -> list[Feed]:
    """The feeds of the checkout as they are in the backend's environment."""
    return [definition.feed.in_environment(backend.env) for definition in read_all(root).or_raise()]


def apply(root: Path, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Iterator[Applied]:
    """Deploy each feed with the packaged `template`, and what of `parameters` it declares; yields each as it is done.

    One that fails leaves the others to be deployed: they are, and `Refused` then says what failed and why.
    """
    failures = Failures()
    for feed in wanted(root, backend):
        with failures.of(feed.feed):
            yield _applied(feed, backend, template, parameters)
    failures.raise_any("feeds")


def _applied(feed: Feed, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Applied:
    source = source_of(client("dynamodb"), feed)
    statements = migrate(feed, backend)
    stack = stack_of(feed, source, backend, template, parameters)
    return Applied(feed.feed, statements, backend.stacks.deploy(*stack).changed)


def stacks(root: Path, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Iterator[Stack]:
    """The stacks of the feeds, for a plan: a table that is not there yet has a stream all the same."""
    for feed in wanted(root, backend):
        try:
            source = source_of(client("dynamodb"), feed)
        except Refused:
            table = f"arn:{client('s3').meta.partition}:dynamodb:{region()}:{backend.account}:table/{feed.source.table}"
            source = Source(f"{table}/stream/known-later")
        yield stack_of(feed, source, backend, template, parameters)


def source_of(dynamodb: Any, feed: Feed) -> Source:
    """The stream of a feed's table; `Refused` where there is no table of that key, or no stream that would do."""
    name = feed.source.table
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        raise NotThere(f"its source, the table {name}, is not there", hint="Correct `source: {table: …}`.") from None
    key = tuple(each["AttributeName"] for each in sorted(table["KeySchema"], key=lambda part: part["KeyType"]))
    if key != feed.source.key:
        raise Refused(f"the key of the table {name} is {', '.join(key)}", hint="Say so in `source: {key: […]}`.")
    stream = table.get("StreamSpecification", {})
    if not stream.get("StreamEnabled") or stream.get("StreamViewType") not in VIEW_TYPES:
        how = f"aws dynamodb update-table --table-name {name} --stream-specification"
        raise Refused(
            f"the table {name} has no stream of its new images",
            hint=f"Whoever owns it switches it on: {how} StreamEnabled=true,StreamViewType=NEW_IMAGE.",
        )
    return Source(table["LatestStreamArn"], table.get("SSEDescription", {}).get("KMSMasterKeyArn", ""))


def migrate(feed: Feed, backend: Backend, *, plan: bool = False) -> str:
    """Bring the target to the contract, or say with `plan` by which statements that would be; the statements as text.

    `Refused` with what the function says where the contract cannot be followed.
    """
    try:
        function = backend.stored(Setting.FEED_MIGRATION.parameter(backend.env))
    except KeyError:
        raise Misconfigured("the flow feeds is not deployed", hint="Deploy it: `sluice deploy --flow feeds`.") from None
    order = {"contract": feed.to_json(), "name": contract_name(feed, backend.env), "plan": plan}
    answer = client("lambda").invoke(FunctionName=function, Payload=json.dumps(order))
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Refused(
            f"its target was not brought to the contract: {said.get('errorMessage', said)}",
            hint="More stands in `sluice logs migrate-feeds`.",
        )
    return str(said["statements"])


def contract_name(feed: Feed, env: str) -> str:
    """The parameter that has a contract: each has one of its own, so that a function goes on with that it was given."""
    return f"{parameter_prefix(env)}contracts/{feed.feed}/{feed.fingerprint}"


def stack_name(feed: Feed, env: str) -> str:
    """What a feed's stack is called. Stack names have hyphens only."""
    return f"{LAKE}-{env}-{STACK_KIND}-{feed.feed.replace('_', '-')}"


def stack_of(feed: Feed, source: Source, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Stack:
    """A feed's stack, with what its packaged template declares."""
    own = {
        "Lake": LAKE,
        "Env": backend.env,
        "Feed": feed.feed,
        "Contract": contract_name(feed, backend.env),
        "Table": feed.source.table,
        "Stream": source.stream,
        "SourceKey": source.key,
    }
    return Stack.packaged(stack_name(feed, backend.env), template, {**parameters, **own}, backend.stored)
