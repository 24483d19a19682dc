"""docs/security-checks.md names checks that there are, for each security property."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tests.templates import access_rules, flow_rules
from tests.templates.rules import RULES as ALL

assert access_rules
RULES = [rule for rule in ALL if rule.__module__ != flow_rules.__name__]
"""Those of flows say what is published, and nothing of security."""

PAGE = (ROOT / "docs" / "security-checks.md").read_text()
ROW = re.compile(r"^\| (\d+)\. [^|]+ \| ([^|]+) \|$", re.MULTILINE)
CHECK = re.compile(r"`(\w+)`")


def checks() -> dict[int, list[str]]:
    """The checks that the table names, by property. Names with a capital are logical ids, not checks."""
    return {int(number): [name for name in CHECK.findall(text) if name.islower()] for number, text in ROW.findall(PAGE)}


def test_each_property_has_checks() -> None:
    assert list(checks()) == list(range(1, 12))
    assert [number for number, named in checks().items() if not named] == []


def test_each_check_is_a_rule_or_a_test() -> None:
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }
    known = tests | {rule.__name__ for rule in RULES}
    assert [name for named in checks().values() for name in named if name not in known] == []


def test_each_rule_checks_some_property() -> None:
    named = {name for each in checks().values() for name in each}
    assert {rule.__name__ for rule in RULES} - named == set()
