"""How checkov's answers are judged; `make security` runs checkov itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.templates.public_rules import Finding, complaints, exceptions, findings


def failed(check: str, resource: str, file: str) -> dict[str, Any]:
    return {
        "check_id": check,
        "check_name": "Ensure it",
        "resource": resource,
        "file_path": f"/{file}",
        "file_line_range": [3, 9],
    }


def report(*checks: dict[str, Any], errors: int = 0) -> dict[str, Any]:
    return {"results": {"failed_checks": list(checks)}, "summary": {"parsing_errors": errors}}


BUCKET = failed("CKV_1", "AWS::S3::Bucket.Raw", "storage.yaml")
SECRET = failed("CKV_2", "cd32de16", "stages/a.py")


def test_what_is_not_excused_is_told_with_its_place() -> None:
    found = list(findings([report(BUCKET), report(SECRET)]))
    assert [finding for finding, _ in found] == [Finding("CKV_1", "AWS::S3::Bucket"), Finding("CKV_2", "stages/a.py")]
    assert complaints(found, {Finding("CKV_1", "AWS::S3::Bucket")}) == [
        "stages/a.py:3: CKV_2 cd32de16: Ensure it",
    ]


def test_an_exception_that_nothing_needs_is_told() -> None:
    [told] = complaints([], {Finding("CKV_1", "AWS::S3::Bucket")})
    assert "nothing of AWS::S3::Bucket needs the exception from CKV_1" in told


def test_a_template_that_was_not_read_is_not_taken_for_good() -> None:
    with pytest.raises(ValueError, match="could not read"):
        list(findings(report(errors=1)))


def test_nothing_to_report_is_no_finding() -> None:
    """checkov answers a bare summary where it found nothing to look at."""
    assert list(findings({"passed": 0, "failed": 0, "parsing_errors": 0})) == []


def test_an_exception_names_a_check_and_what_it_is_for() -> None:
    assert exceptions()
    assert [each for each in exceptions() if not re.match(r"CKV\w+$", each.check) or not each.of] == []
