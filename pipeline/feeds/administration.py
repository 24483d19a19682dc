"""What people ask of a database's feeds: a request in, an answer of plain values out. An answer holds no identifier,
no pseudonym and no value of a row.

| `ask` | else | answer |
|---|---|---|
| `states` | | `states`, a list of `FeedState` |
| `privacy` | `feed` | `treatments`, `anonymity` |
| `erase` | `feed`, `namespace`, `identifier`, `dry_run` | `erased`, a list of `Erased`; `left` afterwards |
| `keys` | | `keys`, a list of `KeyVersion`; `newest`, the newest version in the secret |
| `advance` | `namespace` | `version`, to which the namespace's pseudonyms were brought |
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from psycopg import Connection

from pipeline.core.errors import BadInput, NotThere
from pipeline.feeds.definition import Feed
from pipeline.feeds.erasure import erase
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import stored_columns
from pipeline.feeds.privacy import anonymity, treatments
from pipeline.feeds.rotation import advance
from pipeline.feeds.states import STATES, states

log = logging.getLogger(__name__)

Request = Mapping[str, Any]


def answer(request: Request, connection: Connection[Any], keyring: Callable[[], Keyring]) -> dict[str, Any]:
    """The answer to a request, by the rights of whoever owns the target.

    `BadInput` for a request that is none, `NotThere` for a feed or a namespace that the database does not know.
    """
    asked = _ANSWERS.get(str(request.get("ask")))
    if asked is None:
        raise BadInput(f"{request.get('ask')!r} is none of {', '.join(_ANSWERS)}")
    # Whoever asks for a whole table waits for it; a writer's limit is none here.
    connection.execute("SET statement_timeout = 0")
    return asked(request, connection, keyring)


def _states(request: Request, connection: Connection[Any], keyring: Callable[[], Keyring]) -> dict[str, Any]:
    return {"states": STATES.dump_python(states(connection), mode="json")}


def _privacy(request: Request, connection: Connection[Any], keyring: Callable[[], Keyring]) -> dict[str, Any]:
    feed = _feed(connection, request)
    told = {"treatments": [asdict(each) for each in treatments(feed)], "dropped": list(feed.dropped)}
    quasi = [name for name, column in feed.columns.items() if column.quasi_identifier]
    return {**told, "quasi_identifiers": quasi, "anonymity": asdict(anonymity(connection, feed))}


def _erase(request: Request, connection: Connection[Any], keyring: Callable[[], Keyring]) -> dict[str, Any]:
    feed, namespace = _feed(connection, request), str(request["namespace"])
    dry_run = request.get("dry_run") is not False
    who = (namespace, str(request["identifier"]), keyring())
    erased = erase(connection, feed, *who, dry_run=dry_run)
    left = erase(connection, feed, *who, dry_run=True)
    rows = sum(each.rows for each in erased)
    log.info("erased", extra={"feed": feed.feed, "namespace": namespace, "rows": rows, "dry_run": dry_run})
    return {"erased": [asdict(each) for each in erased], "left": sum(each.rows + each.put_aside for each in left)}


def _keys(request: Request, connection: Connection[Any], keyring: Callable[[], Keyring]) -> dict[str, Any]:
    found = {key.namespace: asdict(key) for state in states(connection) for key in state.keys}
    return {"keys": [found[name] for name in sorted(found)], "newest": keyring().newest}


def _advance(request: Request, connection: Connection[Any], keyring: Callable[[], Keyring]) -> dict[str, Any]:
    namespace = str(request["namespace"])
    version = advance(connection, namespace, keyring())
    log.info("keys advanced", extra={"namespace": namespace, "version": version})
    return {"version": version}


_ANSWERS = {"states": _states, "privacy": _privacy, "erase": _erase, "keys": _keys, "advance": _advance}


def _feed(connection: Connection[Any], request: Request) -> Feed:
    known = {feed.feed: feed for feed, _ in stored_columns(connection)}
    name = str(request.get("feed"))
    if name not in known:
        hint = f"There are {', '.join(known)}." if known else "Deploy it first."
        raise NotThere(f"the target knows no feed {name}", hint=hint)
    return known[name]
