"""A text that is no JSON is complained of in the words of the parser that AWS has."""

from __future__ import annotations

import pytest

from pipeline.emulator.stepfunctions.validation.json_errors import LONGEST_SOURCE, complaint

VALUE = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("rows of it", f"Unrecognized token 'rows': was expecting {VALUE}", "line: 1, column: 5"),
        (
            "{'a': 1}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
            "column: 3",
        ),
        (
            '{"a": "b" "c"}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
            ":",
        ),
        ('{"a": [{}, "]", 1 2]}', "Unexpected character ('2' (code 50)): was expecting comma to separate Array", ":"),
        (
            '{"a" 1}',
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
            "column: 7",
        ),
        ("[\n  ,1]", f"Unexpected character (',' (code 44)): expected a valid value {VALUE}", "line: 2, column: 4"),
        ('{"a": ', "Expecting value", "line: 1, column: 7"),
    ],
)
def test_a_complaint_is_in_the_words_of_jackson(text, message, place):
    found = complaint(text)
    assert found.message.startswith(message)
    assert found.place.startswith(f'[Source: (String)"{text}"; line: ')
    assert place in found.place


def test_json_gives_no_complaint():
    assert [complaint(text) for text in ("{}", "2", "null", '"a"')] == [None] * 4


def test_a_place_shows_the_beginning_of_a_long_text():
    found = complaint("[" + "1," * LONGEST_SOURCE)
    assert found.place.startswith('[Source: (String)"[1,1')
    assert f'"[truncated {LONGEST_SOURCE + 1} chars]; line: 1' in found.place
