"""What the embedded Step Functions says of definitions that others wrote: which it takes, and how it refuses the rest.

    python -m tests.benchmarks.definitions FOLDER

It reads every `*.asl.json` and `*.asl.yaml` below the folder, gives each `${Name}` a value as `sluice test` does, and
asks what CreateStateMachine asks. It exits with 1 if one of them is a fault of ours.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from pipeline.emulator.moto.patch import install_all
from pipeline.emulator.stepfunctions.definitions import diagnostics
from pipeline.emulator.stepfunctions.validation.diagnostics import NOT_EMBEDDED, Diagnostic, refusal
from pipeline.state_machines.placeholders import filled

ACCEPTED, FEATURE, PLACE, OTHERWISE, FAULT = KINDS = (
    "accepted",
    "refused with feature and state",
    "refused with a place",
    "refused otherwise",
    "a fault",
)
_DUMPS = (
    "Traceback",
    "Error(",
    "Exception(",
    "ParserException",
    "object at 0x",
    "<class ",
    "mismatched input",
    "no viable ",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    install_all()
    counts = Counter[str]()
    for path in definitions(folder):
        kind, told = verdict(path)
        counts[kind] += 1
        print(f"{path.relative_to(folder)}: {kind}{f': {told}' if told else ''}")
    print(f"\n{counts.total()} definitions: {', '.join(f'{counts[kind]} {kind}' for kind in KINDS)}")
    sys.exit(counts[FAULT] > 0)


def definitions(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*.asl.*") if path.suffix in (".json", ".yaml", ".yml"))


def verdict(path: Path) -> tuple[str, str]:
    """The kind of what is said of a definition, and the words."""
    try:
        found = diagnostics(filled(_json(path), {}))
    except Exception as error:  # What gets here would be an internal error to the caller.
        return FAULT, repr(error)
    return kind(found), refusal(found)


def _json(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return text if path.suffix == ".json" else json.dumps(yaml.safe_load(text))


def kind(found: Sequence[Diagnostic]) -> str:
    if not found:
        return ACCEPTED
    if any(dump in each.message for each in found for dump in _DUMPS):
        return FAULT
    if all(each.code == NOT_EMBEDDED for each in found):
        return FEATURE
    return PLACE if all(each.location not in (None, "/") for each in found) else OTHERWISE


if __name__ == "__main__":
    main()
