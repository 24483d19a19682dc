"""Queries that people keep by a name, for all who use the lake: rows of the batches table, beside its datasets' rows.

They are in the lake's store and not in the checkout, so that they are there for everybody, on AWS too.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.dynamo import encode, get, put_if, query
from pipeline.core.errors import NotThere, Refused, WrongUsage
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.query_guard import LONGEST

RECORDS = "_saved-queries"
"""Stands for the dataset in the rows; no dataset has such a name."""
MOST = 200
_NAME = re.compile(r"[^\s/?#%\\](?:[^/?#%\\\x00-\x1f\x7f]{0,78}[^\s/?#%\\\x00-\x1f\x7f])?")


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query by its name; `as_of` is the batch or time whose tables it reads, "" for those of now."""

    name: str
    sql: str
    as_of: str
    by: str
    at: str

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


class SavedQueries:
    """Reads and writes the saved queries of a lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._table = lake.settings[Setting.BATCHES_TABLE]

    def all(self) -> list[SavedQuery]:
        """By name, up to `MOST`."""
        rows = query(
            client("dynamodb"),
            MOST,
            TableName=self._table,
            KeyConditionExpression="dataset = :d",
            ExpressionAttributeValues=encode({":d": RECORDS}),
        )
        return [_saved(row) for row in rows]

    def get(self, name: str) -> SavedQuery:
        """The query of this name; `NotThere` if there is none."""
        row = get(client("dynamodb"), self._table, _key(name)) if _NAME.fullmatch(name) else None
        if row is None:
            raise NotThere(
                f"no query {name!r} is saved",
                hint="`sluice query --list-saved` lists those that are.",
            )
        return _saved(row)

    def save(self, name: str, sql: str, as_of: str, by: str, *, replace: bool) -> SavedQuery:
        """Keep a query. `Refused` for a name that is taken, unless it is to `replace` it; `WrongUsage` for a name that
        cannot be one."""
        name = name.strip()
        if not _NAME.fullmatch(name):
            raise WrongUsage(
                "a saved query has a name of 1 to 80 characters on one line, without / ? # % \\",
                hint="Such as: orders without a price",
            )
        if not sql.strip() or len(sql) > LONGEST:
            raise WrongUsage(f"a saved query has 1 to {LONGEST:,} characters")
        if not replace and len(self.all()) >= MOST:
            raise Refused(f"{MOST} queries are saved, and no more are kept", hint="Delete one first.")
        made = SavedQuery(name, sql, as_of.strip(), by, iso(self._lake.clock()))
        item = {**_key(name), "sql": sql, "as_of": made.as_of, "by": by, "at": made.at}
        anyhow = " OR attribute_exists(#item)" if replace else ""
        if put_if(client("dynamodb"), self._table, item, f"attribute_not_exists(#item){anyhow}"):
            raise Refused(f"there is a saved query {name!r} already", hint="Choose another name, or replace it.")
        return made

    def delete(self, name: str) -> None:
        """Delete a query; `NotThere` if there is none."""
        found = self.get(name)
        client("dynamodb").delete_item(TableName=self._table, Key=encode(_key(found.name)))


def _key(name: str) -> dict[str, str]:
    return {"dataset": RECORDS, "item": f"QUERY#{name}"}


def _saved(row: dict[str, Any]) -> SavedQuery:
    return SavedQuery(row["item"].removeprefix("QUERY#"), row["sql"], row["as_of"], row["by"], row["at"])
