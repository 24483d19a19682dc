"""XML: records by name, attributes, nesting, namespaces, and what must never be read."""

from __future__ import annotations

import codecs
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits
from tests.lake.files.conftest import TINY, Read, Reading


@pytest.fixture
def rows(reading: Reading) -> Any:
    def run(text: str | bytes, contract: dict[str, Any] | None = None, **options: Any) -> Read:
        return reading(text, "xml", contract, **{"records": "row", **options})

    return run


def test_attributes_and_children_are_columns(rows: Any) -> None:
    found = rows('<a><row id="1"><x>a</x></row><row id="2"><x/><y> b </y></row></a>')
    assert found.rows == [{"id": "1", "x": "a", "y": None}, {"id": "2", "x": None, "y": " b "}]
    assert found.positions == [1, 2]


def test_records_lie_at_any_depth_and_in_any_namespace(rows: Any) -> None:
    text = '<a xmlns="urn:a" xmlns:b="urn:b"><row><x>1</x></row><c><b:row><b:x>2</b:x></b:row></c><d><x>3</x></d></a>'
    assert rows(text).rows == [{"x": "1"}, {"x": "2"}]
    assert rows(text, records="b:row").rows == [{"x": "1"}, {"x": "2"}]


def test_texts_are_read_in_the_datasets_form(rows: Any) -> None:
    text = "<a><row><n>1.234,50</n><d>31.12.2025</d></row><row><n>NA</n></row><row><n>x</n></row></a>"
    contract = {"n": "decimal(8,2)"}
    found = rows(text, contract, decimal=",", thousands=".", null_values="NA")
    assert [row["n"] for row in found.rows] == [Decimal("1234.50"), None]
    assert found.bad[0]["line"] == 3
    assert found.bad[0]["raw"] == '{"n":"x"}'


def test_what_nests_or_repeats_is_json_text(rows: Any) -> None:
    text = '<a><row><p c="EUR">5</p><t>x</t><t>y</t><o><k>1</k></o></row></a>'
    assert rows(text).rows == [{"p": '{"c":"EUR","value":"5"}', "t": '["x","y"]', "o": '{"k":"1"}'}]


def test_what_nests_is_of_the_declared_type_also_where_it_is_one(rows: Any) -> None:
    text = """<a>
      <row><p c="EUR">5</p><t>1</t><t>2</t><i><n>1</n></i></row>
      <row><p>6</p><t>3</t><i><n>2</n></i><i><n>3</n></i></row>
      <row><p>6</p><t>x</t></row>
    </a>"""
    contract = {"p": "struct<c:string,value:decimal(4,1)>", "t": "array<int>", "i": "array<struct<n:int>>"}
    found = rows(text, contract)
    assert found.rows == [
        {"p": {"c": "EUR", "value": Decimal("5.0")}, "t": [1, 2], "i": [{"n": 1}]},
        {"p": {"c": None, "value": Decimal("6.0")}, "t": [3], "i": [{"n": 2}, {"n": 3}]},
    ]
    assert found.bad[0]["line"] == 3


def test_nil_is_null_and_a_record_may_be_a_text(rows: Any) -> None:
    instance = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    assert rows(f'<a {instance}><row><x xsi:nil="true"/><y xsi:type="t">1</y></row></a>').rows == [
        {"x": None, "y": "1"}
    ]
    assert rows("<a><row>one</row><row>two</row></a>").rows == [{"value": "one"}, {"value": "two"}]


def test_characters_are_what_they_stand_for(rows: Any) -> None:
    assert rows("<a><row><x>&lt;a&gt; &amp; &#x1F600; <![CDATA[<b>]]></x></row></a>").rows == [{"x": "<a> & 😀 <b>"}]


def test_comments_and_instructions_are_nothing(rows: Any) -> None:
    assert rows("<?xml version='1.0'?><!-- x --><a><?p q?><row><x>a<!-- c -->b</x></row></a>").rows == [{"x": "ab"}]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "cp1252", "utf-16"])
def test_the_declaration_says_the_encoding(encoding: str, rows: Any) -> None:
    text = f"<?xml version='1.0' encoding='{encoding}'?><a><row><x>Müller</x></row></a>"
    assert rows(text.encode(encoding)).rows == [{"x": "Müller"}]
    assert rows(codecs.BOM_UTF8 + b"<a><row><x>\xc3\xbc</x></row></a>").rows == [{"x": "ü"}]


def test_what_would_lose_something_costs_its_row_only(rows: Any) -> None:
    found = rows('<a><row><x>1</x></row><row>text<x>2</x></row><row x="1"><x>3</x></row></a>')
    assert found.rows == [{"x": "1"}]
    assert [bad["reason"] for bad in found.bad] == [
        "text stands between elements, and would be lost",
        "an attribute and an element have the same name",
    ]
    assert found.bad[0]["raw"] == "<row>text<x>2</x></row>"


def test_a_column_that_comes_late_is_null_before(reading: Reading) -> None:
    text = "<a>" + "<row><x>1</x></row>" * 3000 + "<row><x>1</x><y>2</y></row></a>"
    found = reading(text, "xml", records="row", limits=Limits(block=1000, row_group=1000))
    assert found.rows[0] == {"x": "1", "y": None}
    assert found.rows[3000] == {"x": "1", "y": "2"}
    assert found.positions == list(range(1, 3002))


BOMB = '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;"><!ENTITY n "&m;&m;&m;&m;">]>'


@pytest.mark.parametrize(
    "text",
    [
        BOMB + "<a><row><x>&n;</x></row></a>",
        BOMB + '<a b="&n;"><row><x>1</x></row></a>',
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a><row><x>&e;</x></row></a>',
        '<!DOCTYPE a SYSTEM "http://localhost:9/x.dtd"><a><row><x>1</x></row></a>',
        '<!DOCTYPE a PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://localhost:9/x.dtd"><a><row/></a>',
    ],
)
def test_a_document_type_is_refused_whatever_it_says(text: str, rows: Any) -> None:
    with pytest.raises(BadObject, match="has a document type"):
        rows(text)
    with pytest.raises(BadObject, match="has a document type"):
        rows(text.encode("utf-16"))


def test_an_entity_that_nobody_declared_is_refused(rows: Any) -> None:
    with pytest.raises(BadObject, match="no whole XML"):
        rows("<a><row><x>&nbsp;</x></row></a>")


@pytest.mark.parametrize(
    "text",
    ["<a><row><x>1</x></row>", "<a><row><x>1</x></ro", "<a><row><x>1</y></row></a>", "<a/><b/>", "id,name\n1,a\n"],
)
def test_what_is_no_whole_xml_is_refused_with_its_place(text: str, rows: Any) -> None:
    with pytest.raises(BadObject, match=r"no whole XML: line \d+, character \d+"):
        rows(text)


def test_a_name_that_no_element_has_is_refused_with_those_there_are(rows: Any) -> None:
    with pytest.raises(BadObject, match="no element <order>; it begins with <a>, <row>, <x>"):
        rows("<a><row><x>1</x></row></a>", records="order")


def test_a_document_without_records_is_a_file(rows: Any) -> None:
    assert rows("<a/>", {"x": "int"}).conversion.columns == {"x": "int"}
    with pytest.raises(BadObject, match="empty"):
        rows("")


def test_an_element_that_is_never_closed_does_not_fill_the_memory(reading: Reading) -> None:
    with pytest.raises(BadObject, match="no end of a <row> within 4,096 bytes"):
        reading("<a><row>" + "<x>1</x>" * 100_000 + "</row></a>", "xml", records="row", limits=TINY)


def test_dates_in_form(rows: Any) -> None:
    assert rows("<a><row><d>2025-12-31</d></row></a>", {"d": "date"}).rows == [{"d": dt.date(2025, 12, 31)}]


def test_attributes_of_one_name_in_two_namespaces_cost_their_row(rows: Any) -> None:
    found = rows('<a xmlns:b="urn:b"><row id="1" b:id="2"/><row b:id="3"/></a>')
    assert found.rows == [{"id": "3"}]
    assert 'id="1"' in found.bad[0]["raw"]
    assert 'id="2"' in found.bad[0]["raw"]


def test_what_is_nil_keeps_its_attributes_and_hides_no_content(rows: Any) -> None:
    nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
    found = rows(f'<a><row {nil} id="1"/><row><x {nil} why="n/a"/></row><row><x {nil}>5</x></row></a>')
    assert found.rows == [{"id": "1", "x": None}, {"id": None, "x": '{"why":"n/a"}'}]
    assert [bad["line"] for bad in found.bad] == [3]
