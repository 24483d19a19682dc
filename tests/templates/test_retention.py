"""docs/retention.md says of every bucket what its lifecycle rules remove, and of every table what expires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.cloudformation.templates import load_template
from pipeline.deploy.environments import SETTINGS
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "retention.md"
TEMPLATES = [*(ROOT / "definitions" / "stacks").glob("*.yaml"), *(ROOT / "cicd").glob("*.yaml")]
BY_PARAMETER = {setting.parameter: f"`{setting.name}`" for setting in SETTINGS.values()}


def buckets() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for path in TEMPLATES:
        for name, resource in load_template(path).get("Resources", {}).items():
            if resource["Type"] == "AWS::S3::Bucket":
                yield f"`{path.stem}.{name}`", resource["Properties"]["LifecycleConfiguration"]["Rules"]


def tables() -> Iterator[tuple[str, dict[str, Any] | None]]:
    """The tables' expiry, where they have one."""
    for path in TEMPLATES:
        for name, resource in load_template(path).get("Resources", {}).items():
            if resource["Type"] == "AWS::DynamoDB::Table":
                yield f"`{path.stem}.{name}`", resource["Properties"].get("TimeToLiveSpecification")


def days(value: Any) -> str:
    return BY_PARAMETER[value["Ref"]] if isinstance(value, dict) else f"{value} days"


def told(rules: list[dict[str, Any]]) -> tuple[str, ...]:
    """Current objects and old versions, with the prefix where a rule has one."""
    assert all(rule["Status"] == "Enabled" for rule in rules)
    current = [days(rule["ExpirationInDays"]) + prefix(rule) for rule in rules if "ExpirationInDays" in rule]
    old = [
        days(r["NoncurrentVersionExpiration"]["NoncurrentDays"]) for r in rules if "NoncurrentVersionExpiration" in r
    ]
    return ", ".join(current) or "kept", ", ".join(old)


def prefix(rule: dict[str, Any]) -> str:
    return f" under `{rule['Prefix']}`" if rule.get("Prefix") else ""


def rows(columns: int) -> dict[str, list[str]]:
    """Of the page's table that has so many columns, by the first."""
    lines = [line for line in PAGE.read_text().splitlines() if re.match(r"\| `[\w-]+\.\w+` \|", line)]
    found = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {cells[0]: cells[1:] for cells in found if len(cells) == columns}


def test_every_bucket_has_its_row_with_what_its_rules_say_and_a_reason():
    found = rows(5)
    assert found.keys() == {name for name, _ in buckets()}
    for name, rules in buckets():
        what, current, old, why = found[name]
        assert (current, old) == told(rules), name
        assert what, name
        assert why, name


def test_incomplete_uploads_end_everywhere():
    for name, rules in buckets():
        ends = [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule]
        assert ends == [{"DaysAfterInitiation": 7}], name


def test_every_table_has_its_row_with_how_long_its_rows_are_kept_and_a_reason():
    found = rows(3)
    expiries = dict(tables())
    assert found.keys() == expiries.keys()
    setting = BY_PARAMETER["BatchHistoryDays"]
    for name, (kept, why) in found.items():
        assert kept == (setting if expiries[name] else "kept"), name
        assert why, name
    assert [expiry for expiry in expiries.values() if expiry] == [{"AttributeName": "expires", "Enabled": True}]
