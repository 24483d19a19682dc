"""How a dataset's raw files are written and what their columns are: the part `stage_a` of a definition."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from pipeline.core.definitions.strict_model import StrictModel
from pipeline.lake.datasets.system_columns import RESCUED_COLUMN
from pipeline.lake.datasets.types import parse_type

ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,128}$")]

DELIMITED = ("csv", "tsv")
TEXT_TABLES = (*DELIMITED, "fixed")
JSON = ("json", "jsonl")
UNTYPED = (*TEXT_TABLES, "xml", "xlsx")
"""Formats whose values are text, or may be."""

BINARY = ("parquet", "avro", "orc", "netcdf")
Format = Literal["csv", "tsv", "fixed", "json", "jsonl", "xml", "xlsx", "parquet", "avro", "orc", "netcdf"]

_BELONGS: dict[str, tuple[str, ...]] = {
    "encoding": (*TEXT_TABLES, *JSON),
    "delimiter": DELIMITED,
    "quote": DELIMITED,
    "escape": DELIMITED,
    "header": (*TEXT_TABLES, "xlsx"),
    "skip_rows": (*TEXT_TABLES, "xlsx"),
    "skip_footer": (*TEXT_TABLES, "xlsx"),
    "comment": TEXT_TABLES,
    "widths": ("fixed",),
    "records": (*JSON, "xml", "netcdf"),
    "sheet": ("xlsx",),
    "null_values": (*UNTYPED, *JSON),
    "decimal": (*UNTYPED, *JSON),
    "thousands": (*UNTYPED, *JSON),
    "currency": (*UNTYPED, *JSON),
    "percent": (*UNTYPED, *JSON),
    "negative_brackets": (*UNTYPED, *JSON),
    "trim": (*UNTYPED, *JSON),
}
"""The options that not every format has, and the formats that have them."""

_MULTIBYTE = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr")
SINGLE_BYTE = (
    *(f"cp{number}" for number in (437, 850, 852, 866, *range(1250, 1259))),
    *(f"iso8859-{number}" for number in (*range(1, 12), *range(13, 17))),
    *("ascii", "koi8-r", "koi8-u", "mac-roman"),
)
"""Encodings with one byte a character, of which all take ASCII for itself."""

ENCODINGS = (*_MULTIBYTE, *SINGLE_BYTE)
"""By Python's names; its other names of the same are taken too, such as latin-1."""

EPOCHS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1000, "epoch_microseconds": 1}
"""Forms of a timestamp that is a number since 1970 in UTC: the microseconds of one."""

_PATTERN = re.compile(r"(yyyy|yy|MMMM|MMM|MM|M|dd|d|HH|H|hh|h|mm|ss|S{1,6}|a|XXX|X|'[^']*'|[^A-Za-z'])*")
_PATTERN_PARTS = re.compile(r"'[^']*'|y+|M+|d+|H+|h+|m+|s+|S+|a+|X+")
_NUMERALS = frozenset("0123456789eE+-.,()%' \t")
_CANNOT_SEPARATE = '"\r\n\0\ufeff'


def _column(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


def _words(value: object) -> object:
    return [value] if isinstance(value, str) else value


Words = Annotated[tuple[Annotated[str, StringConstraints(max_length=100)], ...], BeforeValidator(_words)]
OneCharacter = Annotated[str, StringConstraints(min_length=1, max_length=1)]


class Column(StrictModel):
    """One column of the contract, written as `name: type` or `name: {type: …, optional: true}`.

    `type` is as in Spark and Athena: string, int, bigint, float, double, boolean, date, timestamp, decimal(p,s),
    array<…>, map<string,…>, struct<name:type,…>. A file without a column that is not optional is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    type: str
    optional: bool = False
    required: bool = False
    """Whether a row without a value in it is a bad row."""
    source: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | Annotated[int, Field(ge=1)] | None = (
        Field(default=None, alias="from")
    )
    """What the file calls it, letter for letter, or its place in the file, from 1; unsaid, its name here."""
    format: str | None = None
    """How dates and timestamps are written, in Spark's letters such as dd/MM/yyyy; or an epoch."""
    timezone: str | None = None
    """Of timestamps without one; unsaid, the file's."""
    true_values: Words = ()
    false_values: Words = ()
    leading_zeros: bool = False
    """Whether 007 is the integer 7; unsaid, a value that begins so is bad, since ids and codes lose something then."""

    @model_validator(mode="after")
    def _type_is_known(self) -> Self:
        kind = str(parse_type(self.type))
        if self.required and self.optional:
            raise ValueError("a column is either optional or required")
        if self.format is not None:
            _check_form(self.format, kind)
        if self.timezone is not None:
            if kind != "timestamp":
                raise ValueError(f"timezone is for timestamps, and the column is {self.type}")
            _check_zone(self.timezone)
        self._check_words(kind)
        if self.leading_zeros and not (kind in ("int", "bigint") or kind.startswith("decimal")):
            raise ValueError(f"leading_zeros is for integers, and the column is {self.type}")
        return self

    def _check_words(self, kind: str) -> None:
        if not (self.true_values or self.false_values):
            return
        if kind != "boolean":
            raise ValueError(f"true_values and false_values are for booleans, and the column is {self.type}")
        if not (self.true_values and self.false_values):
            raise ValueError("true_values and false_values go together")
        both = {word.lower() for word in self.true_values} & {word.lower() for word in self.false_values}
        if both:
            raise ValueError(f"{sorted(both)[0]!r} cannot be both true and false")


def _check_form(form: str, kind: str) -> None:
    if kind not in ("date", "timestamp"):
        raise ValueError(f"format is for dates and timestamps, and the column is {kind}")
    if form in EPOCHS:
        if kind != "timestamp":
            raise ValueError(f"{form} is a form of timestamps, and the column is {kind}")
        return
    known = f"write letters such as dd/MM/yyyy or yyyy-MM-dd HH:mm:ss, or one of {', '.join(EPOCHS)}"
    if not _PATTERN.fullmatch(form):
        raise ValueError(f"{form!r} is no form of a date: {known}")
    kinds = [part[0] for part in _PATTERN_PARTS.findall(form) if part[0] != "'"]
    if len(set(kinds)) < len(kinds) or not {"y", "M", "d"} <= set(kinds):
        raise ValueError(f"{form!r} does not have year, month and day once each: {known}")
    if kind == "date" and set(kinds) - {"y", "M", "d"}:
        raise ValueError(f"{form!r} has a time of day, and the column is a date")
    if ("h" in kinds) != ("a" in kinds):
        raise ValueError(f"{form!r}: hours from 1 to 12 (h) and AM or PM (a) go together")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name[:40]!r} is no time zone; write a name such as Europe/Berlin") from None


Quote = Literal["none"] | OneCharacter
Share = Annotated[str, StringConstraints(pattern=r"^\d{1,2}(\.\d+)?%$")]


class StageA(StrictModel):
    """How a raw object is read. What is unsaid of an option is the format's usual way, never guessed from the file."""

    format: Format
    columns: dict[ColumnName, Annotated[Column, BeforeValidator(_column)]] = Field(default_factory=dict)
    on_bad_row: Literal["quarantine", "reject_file"] = "quarantine"
    on_bad_value: Literal["quarantine", "rescue", "null"] = "quarantine"
    """What becomes of a row with a value that its column cannot hold; `rescue` keeps the value in `_rescued`."""
    on_new_column: Literal["add", "rescue", "reject"] = "add"
    """What becomes of a column that the contract lacks; `reject` refuses the file."""
    max_bad_rows: Annotated[int, Field(ge=0)] | Share | None = None
    """Rows that may be bad, a number or a share such as 1%; a file with more is refused."""
    encoding: str = "utf-8"
    delimiter: OneCharacter = ","
    quote: Quote = '"'
    escape: Literal["double", "backslash"] = "double"
    header: bool | Annotated[int, Field(ge=1)] = True
    """Whether a row names the columns; a number is the line where it stands, and what is before it is skipped."""
    skip_rows: Annotated[int, Field(ge=0)] = 0
    """Lines at the start of the file that are skipped, before the header."""
    skip_footer: Annotated[int, Field(ge=0, le=1000)] = 0
    """Records at the end of the file that are no rows."""
    comment: Annotated[str, StringConstraints(min_length=1, max_length=8)] | None = None
    """Lines that begin with it are no rows."""
    widths: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Characters of each column of a fixed-width file, in order."""
    records: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    """Where the records are: a JSON path such as $.data, the name of an XML element, or of a netCDF variable."""
    sheet: Annotated[str, StringConstraints(min_length=1, max_length=31)] | None = None
    """The sheet of a workbook; unsaid, it has to have one only."""
    null_values: Words = ()
    """What stands for null, besides nothing at all."""
    decimal: Literal[".", ","] = "."
    thousands: OneCharacter | None = None
    currency: Words = ()
    """Signs that may stand before or after a number."""
    percent: bool = False
    """Whether % may stand after a number, which keeps its value: 12 % is 12."""
    negative_brackets: bool = False
    """Whether (12.50) is -12.50."""
    trim: bool = False
    """Whether spaces around values mean nothing."""
    timezone: str = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _tabs(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("format") == "tsv" and "delimiter" not in value:
            return {**value, "delimiter": "\t"}
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, value: str) -> str:
        try:
            known = codecs.lookup(value).name
        except (LookupError, ValueError):
            known = ""
        if known not in ENCODINGS:
            raise ValueError(f"{value[:40]!r} is no encoding that is read; known are {', '.join(ENCODINGS)}")
        return known

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        _check_zone(value)
        return value

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        for option in _given(self, _BELONGS):
            formats = _BELONGS[option]
            if self.format not in formats:
                raise ValueError(f"{option} means nothing to format: {self.format}; it belongs to {', '.join(formats)}")
        self._check_signs()
        if self.header is not True and self.header is not False and self.skip_rows:
            raise ValueError("header says the line of the header, and skip_rows is not needed: leave one of them out")
        if (self.format == "fixed") != bool(self.widths):
            raise ValueError("format: fixed needs widths, the characters of each column in order")
        if self.format == "xml" and not self.records:
            raise ValueError("format: xml needs records, the name of the element that is a row")
        if self.format in JSON and self.records and not re.fullmatch(r"\$(\.[^.\[\]*$\s]+)+", self.records):
            raise ValueError(f"records: {self.records!r} is no path such as $.data or $.result.items")
        self._check_columns()
        return self

    def _check_signs(self) -> None:
        taken = (self.quote, "\\" if self.escape == "backslash" else None)
        if self.delimiter in _CANNOT_SEPARATE or self.delimiter in taken:
            raise ValueError(f"{self.delimiter!r} cannot delimit cells")
        if self.quote != "none" and self.quote in "\r\n\0\\":
            raise ValueError(f"{self.quote!r} cannot quote cells; write quote: none if nothing does")
        if self.thousands is not None and (self.thousands == self.decimal or self.thousands in "0123456789+-eE"):
            raise ValueError(f"{self.thousands!r} cannot group digits beside decimal {self.decimal!r}")
        for sign in self.currency:
            if set(sign) <= _NUMERALS:
                raise ValueError(f"{sign!r} is no sign of currency: it could be part of a number")
        if self.comment is not None and ("\n" in self.comment or "\r" in self.comment):
            raise ValueError("comment cannot hold a line break")

    def _check_columns(self) -> None:
        if self.header is False and self.format in (*TEXT_TABLES, "xlsx") and not self.columns:
            raise ValueError("header: false needs columns, which name the cells of a row in order")
        if self.on_new_column != "add" and not self.columns:
            raise ValueError(f"on_new_column: {self.on_new_column} needs columns: without them each column is new")
        if RESCUED_COLUMN in self.columns:
            raise ValueError(f"{RESCUED_COLUMN} is Sluice's own column")
        places: dict[str | int, str] = {}
        for name, column in self.columns.items():
            if column.source is None:
                continue
            if isinstance(column.source, int) and self.format not in (*TEXT_TABLES, "xlsx"):
                raise ValueError(f"column {name}: from is a place, and {self.format} files have names only")
            if isinstance(column.source, str) and self.header is False:
                raise ValueError(f"column {name}: from is a name, and header: false says that there are none")
            if column.source in places:
                raise ValueError(f"columns {places[column.source]} and {name} are from the same column of the file")
            places[column.source] = name


def _given(settings: StageA, options: Iterable[str]) -> list[str]:
    """The options that a definition says, unless it says what holds anyway."""
    fields = StageA.model_fields
    usual = {"delimiter": "\t"} if settings.format == "tsv" else {}
    return [
        option
        for option in options
        if option in settings.model_fields_set
        and getattr(settings, option) != usual.get(option, fields[option].default)
    ]
