"""The delimiter, quote and escape of a text, by how well its rows agree; a delimiter that does not occur is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.lake.proposals.dialects import find_dialect
from pipeline.lake.proposals.rows import Dialect, lines_of
from tests.examples import examples


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2,\n3,4,\n", Dialect(",")),
        ("id;name;v\n1;a;1,5\n2;b;2,5\n", Dialect(";")),
        ("id|name\n1|a,b\n", Dialect("|")),
        ("id\tname\n1\ta\n", Dialect("\t")),
        ("id,at\n1,2026-03-29T01:30:00\n2,2026-03-29T01:31:00\n", Dialect(",")),
        ("id,name\n1,'O''Brien, Pat'\n", Dialect(",", "'")),
        ('id,name\n1,"my value \\", new"\n2,"plain"\n', Dialect(",", '"', "backslash")),
        ('id,path\n1,"C:\\dir\\"\n2,"D:\\x"\n', Dialect(",")),
        ('id,name\n1,5" pipe\n2,"x" y\n', Dialect(",")),
        ('id,name\n1,"open\n2,b\n3,c\n', Dialect(",")),
        ("id,note\n1,it's\n2,'tis\n", Dialect(",")),
        ("first,c\nk,'\nk,'\n", Dialect(",")),
        ("x y\n1 2\n3 4\n", Dialect(" ")),
        ("email\na@x\n\nb@x\n", Dialect(",")),
    ],
)
def test_the_dialect_is_the_one_in_which_rows_agree(text: str, expected: Dialect):
    assert find_dialect(lines_of(text)).dialect == expected


def test_a_text_of_one_column_gets_a_delimiter_that_cuts_none_of_its_lines():
    text = "comment\nGood, but slow\nNever again\nFine, thanks, really\nok\n"
    found = find_dialect(lines_of(text))
    assert found.dialect.delimiter not in text
    assert not found.is_cut
    assert found.doubts


CELL = st.text(st.sampled_from("abcxyz 0123456789.-"), min_size=1, max_size=6).map(str.strip).filter(bool)


@settings(max_examples=examples(100))
@given(st.data(), st.sampled_from(",;\t|"), st.integers(2, 5), st.integers(2, 8))
def test_whatever_delimits_rows_that_agree_is_found(data: st.DataObject, delimiter: str, width: int, height: int):
    rows = [[data.draw(CELL) for _ in range(width)] for _ in range(height)]
    text = "".join(delimiter.join(row) + "\n" for row in rows)
    assert find_dialect(lines_of(text)).dialect.delimiter == delimiter


@settings(max_examples=examples(100))
@given(st.text(st.sampled_from("ab1,;|\t'\"\\\n #:"), max_size=60))
def test_a_delimiter_that_does_not_occur_is_never_proposed(text: str):
    found = find_dialect(lines_of(text))
    assert not found.is_cut or found.dialect.delimiter in text
