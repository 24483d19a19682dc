"""Asks the functions of feeds, which reach the target where nobody else does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.core import errors
from pipeline.core.clients import client
from pipeline.core.errors import Broken, NotThere, SluiceError
from pipeline.feeds.settings import Setting
from pipeline.lake.services import Lake
from pipeline.operate.flows import flows_of

ADMINISTRATION = "administer-feeds"
"""The function that answers `pipeline/feeds/administration.py`, as its stack publishes it."""

MIGRATION = "migrate-feeds"
"""The function that brings the target to a contract (`stages/feeds/migrate.py`)."""

Ask = Callable[[Mapping[str, Any]], dict[str, Any]]
"""A request to a function, and its answer."""


def administrator(lake: Lake) -> Ask:
    """Asks the lake's function for all feeds; `NotThere` where none is deployed."""
    return _asking(lake, ADMINISTRATION, "no feeds are deployed here", "Deploy them: see docs/feeds.md.")


def migrator(lake: Lake) -> Ask:
    """Asks the function that brings the target to a contract; `NotThere` where no feeds are deployed."""
    return _asking(lake, MIGRATION, "no feeds are deployed here", "Deploy them: see docs/feeds.md.")


def importer(lake: Lake, feed: str) -> Ask:
    """Asks the function that imports a feed's history; `NotThere` where the feed is not deployed."""
    return _asking(lake, f"import-{feed}", f"the feed {feed} is not deployed here", "Deploy it: see docs/feeds.md.")


def keyring_of(lake: Lake) -> str:
    """The secret with the keys of pseudonyms; `Misconfigured` where no feeds are deployed."""
    return lake.settings[Setting.FEED_KEYRING]


def _asking(lake: Lake, name: str, missing: str, hint: str) -> Ask:
    function = flows_of(lake).functions.get(name)
    if function is None:
        raise NotThere(missing, hint=hint)
    return lambda request: invoke(function, name, request)


def invoke(function: str, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The function's answer; its error as what it was there, which never quotes a request."""
    answer = client("lambda").invoke(FunctionName=function, Payload=json.dumps(request).encode())
    told = json.loads(answer["Payload"].read())
    if "FunctionError" not in answer:
        return told  # type: ignore[no-any-return]
    kind = getattr(errors, str(told.get("errorType")), None)
    if isinstance(kind, type) and issubclass(kind, SluiceError):
        raise kind(str(told.get("errorMessage")), hint=f"See the log of `{name}`: sluice logs {name}.")
    # What a library says may quote values.
    raise Broken(f"{name} failed: {told.get('errorType')}", hint=f"See its log: sluice logs {name}.")
