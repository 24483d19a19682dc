"""The type of a column of text under the form of its file, how its values are written, and what to doubt. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.lake.datasets.types import Decimal, Primitive, Type
from pipeline.lake.proposals.booleans import find_words, is_half
from pipeline.lake.proposals.dates import find_date_form, why_no_date
from pipeline.lake.proposals.file_forms import FileForm
from pipeline.lake.proposals.kinds import NOT_FINITE, NULL_WORDS
from pipeline.lake.proposals.number_types import MAX_MONEY, Typed, is_code, type_of_numbers
from pipeline.lake.proposals.numbers import Evidence, NumberForm, evidence_of, marks_of, take_apart
from pipeline.lake.proposals.odd_values import odd_texts, other_numbers

_MOSTLY = 0.5
"""Of a column of text that is said to hold mostly numbers."""


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """A column's type and the options that say how its values are written."""

    type: Type
    format: str | None = None
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


TEXT = ColumnForm(Primitive.STRING)


def find_column_form(name: str, values: Sequence[str], file: FileForm) -> ColumnForm:
    """The form of a column from its different values, which have no spaces around them and no words for nothing."""
    if not values:
        return TEXT
    if words := find_words(values):
        plain = words == ("true", "false")
        true, false = ((), ()) if plain else ((words[0],), (words[1],))
        short = "" if plain or len(words[0]) > 1 else f"{words[0]!r} is taken for true and {words[1]!r} for false"
        return ColumnForm(Primitive.BOOLEAN, None, true, false, doubts=_told(short))
    if dates := find_date_form(values, name, file.orders):
        return ColumnForm(dates.type, dates.form, doubts=_told(dates.doubt))
    evidence = evidence_of(values)
    if evidence.unlike or not evidence.numbers:
        return ColumnForm(Primitive.STRING, doubts=_told(_why_text(values, evidence, name)))
    return _numbers(name, values, evidence, file.numbers)


def _numbers(name: str, values: Sequence[str], evidence: Evidence, form: NumberForm) -> ColumnForm:
    if refused := _ambiguous(values, evidence, form, name):
        return ColumnForm(Primitive.STRING, doubts=(refused,))
    plain = [form.plain(value) for value in values]
    texts = [text for text in plain if text is not None]
    if len(texts) < len(plain):
        odd = next(value for value, text in zip(values, plain, strict=True) if text is None)
        return ColumnForm(
            Primitive.STRING, doubts=(f"{odd!r} is not written as the file's other numbers are ({_shown(form)}): text",)
        )
    found = type_of_numbers(texts, name)
    if evidence.percents and found.type is Primitive.BIGINT:
        # A share is no count: sums and means of it are fractions.
        found = Typed(Decimal(MAX_MONEY, 0))
    doubts = [found.doubt] if found.doubt else []
    if found.type is not Primitive.STRING:
        doubts += _marks_told(evidence, form)
    return ColumnForm(found.type, doubts=tuple(doubts))


def _ambiguous(values: Sequence[str], evidence: Evidence, form: NumberForm, name: str) -> str:
    """Why numbers stay text though each can be read."""
    if len(evidence.currencies) > 1:
        return (
            f"amounts in several currencies ({', '.join(sorted(evidence.currencies))}): text, or the sign would be lost"
        )
    if 0 < evidence.percents < evidence.numbers:
        return "some numbers have % and others have not: text"
    if is_code(name) or form.is_sure or not evidence.possible or evidence.decimals or evidence.thousands:
        return ""
    if form.thousands and form.thousands in evidence.possible:
        return ""
    shown = next(value for value in values if (written := take_apart(value)) and marks_of(written.core).possible)
    return f"{shown!r} may have thousands or a fraction: text, until you say decimal or thousands, and the type"


def _marks_told(evidence: Evidence, form: NumberForm) -> list[str]:
    told = []
    if evidence.percents:
        told.append("in percent: 12 % is 12")
    if evidence.currencies:
        told.append(f"the sign {next(iter(evidence.currencies))} is left out")
    group = evidence.possible[form.thousands] if form.thousands else 0
    if group and not evidence.thousands and not evidence.decimals:
        told.append(f"{form.thousands!r} is taken to group thousands; no value here shows it")
    return told


def _shown(form: NumberForm) -> str:
    return f"decimal {form.decimal!r}" + (f", thousands {form.thousands!r}" if form.thousands else "")


def _why_text(values: Sequence[str], evidence: Evidence, name: str) -> str:
    """What to say of a column of text that holds numbers, dates or flags as well."""
    if is_half(values):
        return f"always {values[0]!r}: a flag, perhaps, whose other word is not seen"
    odd = [value for value in values if value.lower() in NOT_FINITE]
    if odd and len(odd) + evidence.numbers >= len(values):
        return f"numbers, and {' and '.join(sorted(set(odd))[:3])}, which are none to count with: text"
    if evidence.numbers > len(values) * _MOSTLY and not is_code(name) and not other_numbers(values):
        other = next(value for value in values if take_apart(value) is None or not marks_of(_core(value)).valid)
        return f"{evidence.numbers:,} of {len(values):,} different values are numbers, but not {other[:40]!r}: text"
    if other := other_numbers(values):
        return other
    if words := [value for value in values if value in NULL_WORDS]:
        return f"{', '.join(map(repr, sorted(words)[:3]))} may stand for nothing: say so with null_values"
    return why_no_date(values) or odd_texts(values)


def _core(text: str) -> str:
    """The digits and marks of a number; of anything else the text itself."""
    written = take_apart(text)
    return written.core if written else text


def _told(doubt: str) -> tuple[str, ...]:
    return (doubt,) if doubt else ()
