"""Which column of a file becomes which of the table's."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.files import contracts
from pipeline.lake.files.contracts import map_columns, map_places


def contract(**columns: Any) -> dict[str, Column]:
    """Each a type, or what `from` says, which is an integer or text in a list."""
    return {
        name: Column.model_validate({"type": "string"} | ({} if value is None else {"from": value}))
        for name, value in columns.items()
    }


def test_without_from_a_column_has_its_safe_name() -> None:
    assert map_columns(["ID", " Full Name "], contract(id=None)) == ("id", "full_name")


def test_columns_that_differ_in_case_are_told_apart_by_their_exact_names() -> None:
    assert map_columns(["Id", "ID"], contract(id="Id", id_2="ID")) == ("id", "id_2")


def test_columns_of_one_name_are_told_apart_by_place() -> None:
    assert map_columns(["id", "id"], contract(id=1, id_2=2)) == ("id", "id_2")


def test_a_place_frees_the_name_that_stands_twice() -> None:
    assert map_columns(["Ship/To", "Ship to"], contract(ship_to=None, ship_to_2=2)) == ("ship_to", "ship_to_2")


def test_spaces_around_a_name_do_not_matter_unless_nothing_else_differs() -> None:
    assert map_columns([" Name "], contract(name="Name")) == ("name",)
    assert map_columns(["Name ", "Name"], contract(a="Name", b="Name ")) == ("b", "a")


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert map_columns(["Gro\u0308\u00dfe"], contract(size="Gr\u00f6\u00dfe")) == ("size",)


@pytest.mark.parametrize(
    "cousin",
    [
        "Gr\u00f6\u00dfe\u200b",
        "\ufeffGr\u00f6\u00dfe",
        "Gro\u0308\u00adsse".replace("ss", "\u00df"),
        " Gr\u00f6\u00dfe\u00a0",
    ],
)
def test_characters_without_width_do_not_part_a_column_from_itself(cousin: str) -> None:
    assert map_columns([cousin], contract(size="Gr\u00f6\u00dfe")) == ("size",)
    assert map_columns([cousin], {}) == map_columns(["gr\u00f6\u00dfe"], {})
    with pytest.raises(BadObject, match="columns 1 and 2 have the same name"):
        map_columns(["gr\u00f6\u00dfe", cousin], {})
    told_apart = contract(a="Gr\u00f6\u00dfe", b=cousin)
    assert map_columns([cousin, "Gr\u00f6\u00dfe"], told_apart) == ("b", "a")


def test_a_name_of_nothing_that_is_seen_is_none() -> None:
    assert map_columns(["id", "\u200b"], contract(id=None)) == ("id", None)


def test_a_column_without_a_name_has_none() -> None:
    assert map_columns(["id", "", " "], contract(id=None)) == ("id", None, None)


def test_a_missing_column_is_not_in_the_answer() -> None:
    assert map_columns(["id"], contract(id=None, name="Name", third=3)) == ("id",)


@pytest.mark.parametrize(
    ("names", "columns"), [(["a", "A"], {}), (["a", "A"], {"a": None}), (["A", "A"], {"x": "A"}), (["A", "A "], {})]
)
def test_two_columns_of_one_name_refuse_the_file_and_from_would_help(names: list[str], columns: Any) -> None:
    with pytest.raises(BadObject, match="columns 1 and 2 have the same name") as refused:
        map_columns(names, contract(**columns))
    assert "`from`" in (refused.value.hint or "")


def test_a_new_column_is_refused_where_the_dataset_says_so() -> None:
    settings = StageA.model_validate({"format": "csv", "on_new_column": "reject", "columns": {"id": "int"}})
    assert map_columns(["id", ""], contract(id=None), settings) == ("id", None)
    with pytest.raises(BadObject, match=r"on_new_column: reject.*column 2 of the file"):
        map_columns(["id", "Secret"], contract(id=None), settings)


def test_without_a_header_the_columns_of_the_contract_name_the_places() -> None:
    assert map_places(contract(a=None, b=1, c=None)) == ("b", "a", "c")
    assert map_places(contract(a=None, b=4)) == ("a", None, None, "b")
    assert map_places(contract(a=None, b=None), 3) == ("a", "b", None)
    assert map_places(contract(a=None, b=None), 1) == ("a",)


def test_columns_whose_signs_differ_are_columns_of_their_own() -> None:
    dollars, euros = map_columns(["Amount ($)"], {}), map_columns(["Amount (€)"], {})
    assert dollars != euros
    declared = contract(amount="Amount ($)")
    assert map_columns(["Amount ($)"], declared) == ("amount",)
    assert map_columns(["Amount (€)"], declared) == euros


def test_another_header_of_a_declared_columns_name_is_a_column_of_its_own() -> None:
    first, second = map_columns(["Amount", "Amount ($)"], contract(amount="Amount ($)"))
    assert second == "amount"
    assert (first or "").startswith("amount_")


def test_a_declared_column_is_found_by_its_name_with_punctuation() -> None:
    assert map_columns(["user.name"], contract(user_name=None)) == ("user_name",)
    name, other = map_columns(["user name", "user.name"], contract(user_name=None))
    assert name == "user_name"
    assert (other or "").startswith("user_name_")


def test_what_is_looked_at_grows_with_the_columns_and_not_with_their_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON asks again at each new key."""
    looked: list[str] = []
    monkeypatch.setattr(contracts, "spoken_name", lambda header: looked.append(header) or header)
    names = [f"Other {n}" for n in range(100)]
    assert len(map_columns(names, contract(**{f"column_{n}": None for n in range(100)}))) == 100
    assert looked == names
