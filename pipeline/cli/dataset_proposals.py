"""How `sluice datasets init` shows what it proposes, and what it is unsure of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import print_table

if TYPE_CHECKING:
    from pipeline.lake.proposals.proposal import Proposal

_SHOWN_COLUMNS = 8
_SHOWN_CHARACTERS = 24


def proposal_json(proposal: Proposal) -> dict[str, Any]:
    """The definition, its text, what was inferred for it and the first rows as they would be read."""
    return {
        "definition": proposal.dataset.model_dump(mode="json", exclude_defaults=True),
        "text": proposal.text,
        "inferred": {
            "read": proposal.read,
            "key": proposal.key,
            "unsure": list(proposal.doubts),
            "columns": [asdict(each) for each in proposal.columns],
            "rows": [{name: _shown(value) for name, value in row.items()} for row in proposal.rows],
            "bad_rows": list(proposal.bad),
        },
    }


def show_proposal(proposal: Proposal, to: Console) -> None:
    """How the file was read, what is to be checked, and its first rows as the table would have them."""
    lines = [("read", proposal.read, ""), ("key", proposal.key, "")]
    lines += [("check", doubt, "yellow") for doubt in proposal.doubts]
    lines += [("bad", bad, "red") for bad in proposal.bad]
    for label, text, style in lines:
        shown = escape_untrusted(text)
        to.print(f"  {label:<5} {f'[{style}]{shown}[/]' if style else shown}", highlight=False, soft_wrap=True)
    rows = [
        (*map(escape_untrusted, (each.name, each.type, each.written)), f"[yellow]{escape_untrusted(each.doubt)}[/]")
        for each in proposal.columns
    ]
    print_table("", ("column", "type", "in the file", "to check"), rows, to=to)
    if proposal.rows:
        names = [each.name for each in proposal.columns][:_SHOWN_COLUMNS]
        cells = [[escape_untrusted(_cut(row.get(name))) for name in names] for row in proposal.rows]
        left = len(proposal.columns) - len(names)
        more = f" ({left} more columns)" if left > 0 else ""
        to.print(f"  rows  the first as they would be read{more}", highlight=False, soft_wrap=True)
        print_table("", names, cells, to=to)


def _shown(value: Any) -> str | None:
    return None if value is None else str(value)


def _cut(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
