"""The encoding of bytes is proved by a mark or by strict UTF-8, and guessed otherwise, which is said."""

from __future__ import annotations

import pytest

from pipeline.core.errors import BadInput
from pipeline.lake.proposals.encodings import decode, find_encoding


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"id,name\n1,a\n", "utf-8"),
        ("id,größe\n1,a\n".encode(), "utf-8"),
        (b"\xef\xbb\xbfid\n1\n", "utf-8"),
        ("id,name\n".encode("utf-16"), "utf-16"),
        ("id,name\n".encode("utf-32"), "utf-32"),
    ],
)
def test_what_bytes_prove_is_not_doubted(data: bytes, expected: str):
    found = find_encoding(data)
    assert (found.name, found.doubt) == (expected, "")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Müller;Schäfer", "cp1252"),
        ("Kunde;€5", "cp1252"),
        ("Garçon;Niño;São", "cp1252"),
        ("price,£5", "cp1252"),
        ("abc\u00a0def 1\u00a0000", "cp1252"),
        ("Łódź,Kraków,ząb", "cp1250"),
        ("Łódź,Kraków,ząb", "iso8859-2"),
        ("İstanbul,şeker,ağaç", "cp1254"),
        ("Müller;Straße;Größe", "cp850"),
        ("São Paulo,ação", "mac-roman"),
        ("Москва,Иван Петров", "cp1251"),
        ("Москва,Иван Петров", "koi8-r"),
        ("Москва,Иван", "cp866"),
        ("Αθήνα,Όνομα", "cp1253"),
        ("東京,数量,あいう", "shift_jis"),
        ("東京,数量,カナ", "euc_jp"),
        ("北京,数量,单价", "gb18030"),
        ("臺北,數量", "big5"),
        ("서울,수량", "euc_kr"),
        ("Ås\tÅsa\nx\ty", "utf-16-le"),
    ],
)
def test_a_guess_is_the_encoding_in_which_letters_stand_as_people_write_them_and_is_doubted(text: str, encoding: str):
    found = find_encoding(text.encode(encoding))
    assert found.name == encoding
    assert found.doubt


def test_bytes_that_are_no_text_are_refused_or_doubted():
    try:
        found = find_encoding(bytes(range(128, 256)) * 4)
    except BadInput:
        return
    assert found.doubt


def test_a_text_may_be_cut_within_a_character():
    data = "größe".encode()[:-4]
    assert find_encoding(data).name == "utf-8"
    assert decode(data, "utf-8") == "gr"
