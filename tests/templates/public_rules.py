"""Holds templates and sources to checkov's public rules, but for what public_rules.yaml excuses: `make security`.

checkov has an environment of its own, as its requirements do not go with the lake's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
EXCEPTIONS = Path(__file__).with_suffix(".yaml")
CHECKOV = ROOT / ".venv" / "checkov" / "bin" / "checkov"
TEMPLATES = ("cicd", "definitions/stacks")
# Without --skip-download it asks its vendor for texts.
ALWAYS = ("--output", "json", "--quiet", "--soft-fail", "--skip-download")


class Finding(NamedTuple):
    """A check that failed, and of what: a resource's type, or a file for what is found in no resource."""

    check: str
    of: str


def findings(reports: Any) -> Iterator[tuple[Finding, str]]:
    """What checkov found, each with a line for people. `ValueError` for a template that it could not read."""
    for report in reports if isinstance(reports, list) else [reports]:
        if report.get("summary", {}).get("parsing_errors"):
            raise ValueError(f"checkov could not read {report['results'].get('parsing_errors')}")
        for each in report.get("results", {}).get("failed_checks", []):
            file, where = each["file_path"].lstrip("/"), each["resource"]
            finding = Finding(each["check_id"], where.split(".")[0] if "::" in where else file)
            yield finding, f"{file}:{each['file_line_range'][0]}: {each['check_id']} {where}: {each['check_name']}"


def complaints(found: Iterable[tuple[Finding, str]], excused: Collection[Finding]) -> list[str]:
    """What is not excused, and what is excused for nothing."""
    found = list(found)
    idle = set(excused) - {finding for finding, _ in found}
    return [line for finding, line in found if finding not in excused] + [
        f"{EXCEPTIONS.name}: nothing of {each.of} needs the exception from {each.check}" for each in sorted(idle)
    ]


def exceptions() -> set[Finding]:
    """What is excused. Each has its reason, or `KeyError`."""
    return {Finding(each["check"], each["of"]) for each in yaml.safe_load(EXCEPTIONS.read_text()) if each["because"]}


def scan(root: Path) -> Iterator[tuple[Finding, str]]:
    """Every template by the rules for CloudFormation, every file for secrets."""
    templates = [str(path.relative_to(root)) for folder in TEMPLATES for path in sorted((root / folder).glob("*.yaml"))]
    yield from findings(_run(root, "--framework", "cloudformation", "--file", *templates))
    # Not what was installed, built and cached, which is not in the repository.
    everywhere = ("--directory", ".", "--skip-path", r"\.\w+/|(^|/)build/", "--enable-secret-scan-all-files")
    yield from findings(_run(root, "--framework", "secrets", *everywhere))


def _run(root: Path, *arguments: str) -> Any:
    command: Sequence[str] = (str(CHECKOV), *arguments, *ALWAYS)
    return json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)


def main() -> int:
    told = complaints(scan(ROOT), exceptions())
    print(*told or ["checkov has no complaint that is not excused"], sep="\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
