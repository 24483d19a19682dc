"""Names of columns: what counts as the same name, and that nothing else does."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.lake.datasets.names import field_name, is_called, marked_name, safe_name, spoken_name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("id", "id"),
        (" Order ID ", "order_id"),
        ("order-id", "order_id"),
        ("Order\nID", "order_id"),
        ("_x", "_x"),
        ("", ""),
    ],
)
def test_a_usual_name_is_itself_in_lower_case_with_underscores(header: str, name: str) -> None:
    assert safe_name(header) == name


@pytest.mark.parametrize(
    ("header", "start"),
    [
        ("Amount (€)", "amount_eur_"),
        ("Amount ($)", "amount_"),
        ("数量", "shu"),
        ("Größe", "gro"),
        ("user.name", "user_name_"),
        ("???", "column_"),
        ("x" * 200, "x" * 121 + "_"),
    ],
)
def test_another_name_is_in_latin_letters_with_a_mark(header: str, start: str) -> None:
    name = safe_name(header)
    assert name.startswith(start)
    assert re.fullmatch(r"[a-z0-9_]{1,121}_[0-9a-f]{6}", name)
    assert safe_name(f" {header.upper() if header.isascii() else header} ") == name


def same(header: str) -> str:
    """The rule, said again: what is left of a name by which two are told apart."""
    seen = "".join(letter for letter in header if unicodedata.category(letter) != "Cf")
    folded = unicodedata.normalize("NFC", seen).strip().lower()
    return "".join("_" if letter.isspace() or letter == "-" else letter for letter in folded)


headers = st.text(st.sampled_from("aAbB01_- .,/$€()数量单价ßäÄ\u0308\u00a0%#"), max_size=6) | st.text(max_size=8)


@given(headers, headers)
@example("Amount ($)", "Amount (€)")
@example("数量", "单价")
@example("a.b", "a b")
def test_two_headers_have_one_name_only_if_they_are_the_same(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) == (same(one) == same(other))


COUSINS = [
    "Größe",
    "GRÖSSE".replace("SS", "ß"),
    "Gro\u0308ße",
    " Größe\u00a0",
    "Grö\u00adße",
    "\ufeffGröße",
    "Größe\u200b",
    "\u200eGröße\u200f",
]


@pytest.mark.parametrize("cousin", COUSINS)
def test_headers_that_look_alike_are_one_name(cousin: str) -> None:
    assert safe_name(cousin) == safe_name("größe")
    assert spoken_name(cousin) == spoken_name("größe")


@given(headers)
def test_every_name_is_one_that_athena_takes(header: str) -> None:
    assert re.fullmatch(r"[a-z0-9_]{0,128}", safe_name(header))
    assert re.fullmatch(r"[a-z0-9_]{8,128}", marked_name(header))


def test_a_declared_column_may_be_written_with_punctuation_but_not_with_other_signs() -> None:
    assert is_called("user_name", "User.Name")
    assert is_called("amount__usd_", "Amount (USD)")
    assert not is_called("amount____", "Amount ($)")
    assert not is_called("__", "数量")
    assert field_name("user.name", ["user_name"]) == "user_name"
    assert field_name("$oid", ["oid"]) == safe_name("$oid")
