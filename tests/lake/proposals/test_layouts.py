"""Which lines of a table are data."""

from __future__ import annotations

import pytest

from pipeline.lake.proposals.dialects import find_dialect
from pipeline.lake.proposals.layouts import Layout, find_layout
from pipeline.lake.proposals.rows import lines_of


def layout_of(text: str) -> Layout:
    return find_layout(find_dialect(lines_of(text)).rows, whole=True)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("id,name\n1,a\n2,b\n", {}),
        ("\n\nid,name\n\n1,a\n\n2,b\n", {}),
        ("1,alice,10\n2,bob,20\n", {"header": False}),
        ("Report: Sales\nGenerated: today\n\nid,n,v\n1,a,10\n2,b,20\nTotal,,30\n", {"header": 4, "skip_footer": 1}),
        ("Monthly,,\n,,\nid,n,v\n1,a,10\n2,b,20\n", {"header": 3}),
        ("# source\nid,temp\n1,20.5\n# gap\n2,21.5\n", {"comment": "#"}),
        ("#id,name\n1,a\n2,b\n", {}),
        ("ticket,v\n#1,5\n#2,6\n#3,7\n", {}),
        ("time,temp\ns,°C\n0,20.1\n1,20.2\n2,20.3\n", {"header": False, "skip_rows": 2}),
        ("name,v\nk,:\nk,\nk,0\n", {}),
        ("name,v\na,x\nb,0\nc,1\n", {}),
        ("t,v\n[s],[m/s]\n1,2.5\n2,3.5\n3,1\n", {"header": False, "skip_rows": 2}),
        ("t,v\nmin,µg/m³\n1,2.5\n2,3.5\n3,1\n", {"header": False, "skip_rows": 2}),
        ("id,name,v\nNummer,Name,Betrag\n1,a,10\n2,b,20\n3,c,30\n", {"header": False, "skip_rows": 2}),
        ("Q1,Q2\nHow old?,How good?\n{x},{y}\n34,5\n28,4\n41,3\n", {"header": False, "skip_rows": 3}),
        ("area,2022,,2023,\n,Q1,Q2,Q1,Q2\nA,1,2,3,4\nB,5,6,7,8\nC,1,3,5,7\n", {"header": False, "skip_rows": 2}),
        ("sensor,t,h\na,broken,broken\nb,20,30\nc,21,31\nd,22,32\n", {}),
        ("name,v\nName,Betrag\na,1\nb,2\nc,3\n", {}),
        ("Sales,,Costs,\nEU,US,EU,US\n1,2,3,4\n5,6,7,8\n9,8,7,6\n", {"header": 2}),
        ("id,name\nid,name\n,,Total", {"skip_footer": 1}),
        ("name,v\nk,inf\nk,0.5\nk,-Infinity\n", {}),
        ("country,2022,2023\nA,1.5,2.5\nB,3.5,4.5\n", {}),
        ("id,amount\n1,10\n2,20\n(2 rows)\n", {"skip_footer": 1}),
        ("shop,v\nTotal Wine,1\nTotal Foods,2\nBest,3\n", {}),
        ("first_name,city\nAnn,Oslo\nBob,Rome\n", {}),
        ("Ann,Oslo\nBob,Rome\nCy,Oslo\n", {"header": False}),
    ],
)
def test_lines_that_are_no_data_are_told(text: str, options: dict[str, object]):
    assert layout_of(text).options() == options


def test_a_header_of_two_lines_names_its_columns_by_both() -> None:
    text = "area,2022,,2023,\n,Q1,Q2,Q1,Q2\nA,1,2,3,4\nB,5,6,7,8\nC,1,3,5,7\n"
    assert layout_of(text).names == ("area", "2022 Q1", "2022 Q2", "2023 Q1", "2023 Q2")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2,\n3,4,\n", "rows have 3 cells, the header 2"),
        ("1,a\n2,b\n", "line 1 looks like data"),
        ("id,name\n1,a\n2,b\n\ncity,pop\nOslo,5\nRome,7\n", "line 5, behind a blank line"),
        ("Ann,x\nBob,y\n", "all cells are words: line 1 is taken for the header"),
        ("t,v\ns,°C\n1,2\n3,4\n5,6\n", "line 2 says units and is skipped"),
        (
            "id,v\nNummer,Betrag\n1,10\n2,20\n3,30\n",
            "line 2 has words where rows below have values, and is taken for a",
        ),
        ("area,2022,,2023,\n,Q1,Q2,Q1,Q2\nA,1,2,3,4\nB,5,6,7,8\nC,1,3,5,7\n", "the names are of both lines"),
        ("name,v\nName,Betrag\na,1\nb,2\nc,3\n", "if it is a second header, say `header: false` and `skip_rows: 2`"),
        ("Sales,,Costs,\nEU,US,EU,US\n1,2,3,4\n5,6,7,8\n9,8,7,6\n", "line 1, above the header, may be part of it"),
    ],
)
def test_what_is_not_sure_is_said(text: str, told: str):
    assert any(told in doubt for doubt in layout_of(text).doubts), layout_of(text)
