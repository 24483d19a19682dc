"""How the values of a column are written, as a dataset says it: what `values` and `casts` go by."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.raw_files import DELIMITED


@dataclass(frozen=True, slots=True)
class Form:
    """How values are written. The options have the meanings of `StageA` and `Column`, which define them."""

    null_values: frozenset[str] = frozenset()
    decimal: str = "."
    thousands: str = ""
    currency: tuple[str, ...] = ()
    percent: bool = False
    negative_brackets: bool = False
    trim: bool = False
    pattern: str = ""
    timezone: str = "UTC"
    true_values: frozenset[str] = frozenset()
    false_values: frozenset[str] = frozenset()
    """Words are in lower case."""
    leading_zeros: bool = False
    """Whether an integer may begin with zeros that mean nothing."""
    null_text: bool = False
    """Whether text has null words too. Where values may have quotes, the parser knows: it tells NA from "NA"."""


PLAIN = Form()
"""How values are written where a dataset says nothing."""


def form_of(settings: StageA, column: Column | None = None) -> Form:
    """The form of a column; of one that the contract lacks, that of the file."""
    true, false = (
        (frozenset(map(str.lower, column.true_values)), frozenset(map(str.lower, column.false_values)))
        if column and column.true_values
        else (frozenset[str](), frozenset[str]())
    )
    return Form(
        null_values=frozenset(settings.null_values),
        decimal=settings.decimal,
        thousands=settings.thousands or "",
        currency=settings.currency,
        percent=settings.percent,
        negative_brackets=settings.negative_brackets,
        trim=settings.trim,
        pattern=(column and column.format) or "",
        timezone=(column and column.timezone) or settings.timezone,
        true_values=true,
        false_values=false,
        leading_zeros=settings.format == "fixed" or bool(column and column.leading_zeros),
        null_text=settings.format not in DELIMITED,
    )
