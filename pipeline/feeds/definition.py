"""The contract of a feed: which attributes of a DynamoDB table reach PostgreSQL, and as what.

Deny by default: an attribute that no column names reaches nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from pipeline.core.definitions.strict_model import StrictModel
from pipeline.feeds.types import TypeName, parse_type

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,47}$"
"""Names of feeds, schemas, tables and columns: PostgreSQL cuts names at 63 bytes, and ours get endings."""

NOBODY = "to be named"
"""What a proposal says of who holds the keys, until somebody does."""

_RESERVED = "sluice_"
"""How the names of columns that the feed writes itself begin."""

_STEP = re.compile(r"(?:[^.\\]|\\.)+")
_PATH = rf"^{_STEP.pattern}(?:\.{_STEP.pattern})*$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Path = Annotated[str, StringConstraints(pattern=_PATH, max_length=1024)]


class Source(StrictModel):
    """The DynamoDB table."""

    table: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
    key: Annotated[tuple[AttributeName, ...], Field(min_length=1, max_length=2)]
    """Its key attributes: the partition key, and the sort key where it has one."""


class Target(StrictModel):
    """The PostgreSQL table. `key` are columns made of the source's key attributes: a deletion says no others."""

    schema_: Annotated[Name, Field(alias="schema")] = "bi"
    table: Name
    key: Annotated[tuple[Name, ...], Field(min_length=1, max_length=8)]


class Namespace(StrictModel):
    """What identifiers of one kind have in common: one that is pseudonymised here joins with itself, and with no other.

    `identifier` says which spellings are one: `text` without regard to case, width and spaces around and between words;
    `email` so, without any space; `code` of letters and digits alone, in capitals (an IBAN, a tax number); `digits`
    alone (a card); `exact` as written. `method: sha256` is for data that was pseudonymised elsewhere as
    SHA-256 of identifier and secret: `secret` names that secret, and whoever has it can try identifiers.
    """

    identifier: Literal["text", "email", "code", "digits", "exact"] = "text"
    method: Literal["hmac", "sha256"] = "hmac"
    secret: Name | None = None

    @model_validator(mode="after")
    def _secret_fits_method(self) -> Self:
        if self.method == "sha256" and self.secret is None:
            raise ValueError("method: sha256 needs the name of its secret")
        if self.method == "hmac" and self.secret is not None:
            raise ValueError("secret belongs to method: sha256; the keys of hmac are those of the environment")
        return self


class Generalisation(StrictModel):
    """How a value becomes a coarser one: `bands` are the lower ends of amounts, `prefix` keeps the first characters."""

    to: Literal["year", "quarter", "month", "week", "day", "hour"] | None = None
    bands: Annotated[tuple[int, ...], Field(min_length=1, max_length=100)] | None = None
    prefix: Annotated[int, Field(ge=1, le=20)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(said is not None for said in (self.to, self.bands, self.prefix)) != 1:
            raise ValueError("say one of to, bands and prefix")
        if self.bands and list(self.bands) != sorted(set(self.bands)):
            raise ValueError("bands are lower ends, each greater than the one before")
        return self


def _generalisation(value: object) -> object:
    return {"to": value} if isinstance(value, str) else value


class Column(StrictModel):
    """One column of the target, written as `name: type` or `name: {type: …, from: …, pseudonymise: …}`.

    `from` is the attribute, or the way to it within maps (`customer.email`); unsaid, it is the column's name. Without
    `pseudonymise` and `generalise` the value is kept as it is. `type` is text, bigint, decimal(p,s), double, boolean,
    date or timestamp.
    """

    type: TypeName = "text"
    from_: Annotated[Path | None, Field(alias="from")] = None
    pseudonymise: Name | None = None
    generalise: Annotated[Generalisation, BeforeValidator(_generalisation)] | None = None
    written_as: Literal["iso", "epoch_seconds", "epoch_milliseconds"] = "iso"
    """How a date or a time is written in the source."""
    required: bool = False
    quasi_identifier: bool = False
    """Whether it tells people apart together with others: the privacy report counts how many share its values."""
    comment: Annotated[str, StringConstraints(max_length=1000)] = ""

    @model_validator(mode="after")
    def _treatment_fits_type(self) -> Self:
        kind = parse_type(self.type).kind
        if self.pseudonymise and self.generalise:
            raise ValueError("a column is pseudonymised or generalised, and not both")
        if self.pseudonymise and kind != "text":
            raise ValueError(f"a pseudonym is text, and not {self.type}")
        if self.written_as != "iso" and kind not in ("date", "timestamp"):
            raise ValueError(f"written_as means nothing to {self.type}")
        if self.generalise:
            _fits(self.generalise, self.type, kind)
        return self


def _fits(how: Generalisation, type_: str, kind: str) -> None:
    wanted = {"timestamp"} if how.to == "hour" else {"date", "timestamp"} if how.to else {"text"}
    if kind not in wanted:
        what = f"to: {how.to}" if how.to else "bands" if how.bands else "prefix"
        raise ValueError(f"{what} makes {' or '.join(sorted(wanted))}, and not {type_}")


def _column(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class Feed(StrictModel):
    """A whole contract. `dropped` names attributes that are known to stay behind; any other that is not named stays
    behind as well, and is counted."""

    feed: Name
    key_holder: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    """Who holds the keys of the pseudonyms, and may not be who reads the target."""
    source: Source
    target: Target
    namespaces: Mapping[Name, Namespace] = Field(default_factory=dict)
    columns: Annotated[dict[Name, Annotated[Column, BeforeValidator(_column)]], Field(min_length=1, max_length=500)]
    dropped: tuple[AttributeName, ...] = ()

    @field_validator("columns")
    @classmethod
    def _names_are_free(cls, columns: dict[str, Column]) -> dict[str, Column]:
        if taken := [name for name in columns if name.startswith(_RESERVED)]:
            raise ValueError(f"{taken[0]} begins as the feed's own columns do: name it otherwise")
        return columns

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        for name, column in self.columns.items():
            if column.pseudonymise and column.pseudonymise not in self.namespaces:
                raise ValueError(f"{name} is pseudonymised under {column.pseudonymise}, which is no namespace here")
        for name in self.target.key:
            found = self.columns.get(name)
            if found is None:
                raise ValueError(f"{name}, of the target's key, is no column")
            if path_of(name, found)[0] not in self.source.key:
                raise ValueError(
                    f"{name}, of the target's key, is not made of a key attribute: a deletion says no others"
                )
            if found.generalise:
                raise ValueError(f"{name}, of the target's key, is generalised: rows would take each other's place")
        used = {path_of(name, self.columns[name])[0] for name in self.target.key}
        if left := [name for name in self.source.key if name not in used]:
            raise ValueError(
                f"{left[0]}, of the source's key, is not in the target's: rows would take each other's place"
            )
        whole = {path[0] for name, column in self.columns.items() if len(path := path_of(name, column)) == 1}
        if both := sorted(whole & set(self.dropped)):
            raise ValueError(f"{both[0]} is dropped, and a column as well")
        return self

    def to_json(self) -> str:
        """Canonical JSON: equal contracts give equal text."""
        said = self.model_dump(mode="json", exclude_defaults=True, by_alias=True)
        return json.dumps(said, sort_keys=True, separators=(",", ":"))

    @property
    def fingerprint(self) -> str:
        """12 hex digits that change when the contract does."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @classmethod
    def from_json(cls, text: str) -> Feed:
        """The inverse of `to_json`."""
        return cls.model_validate_json(text)


def path_of(name: str, column: Column) -> tuple[str, ...]:
    """The way to a column's value: an attribute, then names within maps. A dot within a name is written `\\.`."""
    if column.from_ is None:
        return (name,)
    return tuple(re.sub(r"\\(.)", r"\1", step) for step in _STEP.findall(column.from_))
