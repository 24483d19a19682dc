"""How `sluice feed` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import console
from pipeline.operate.formatting import counted

if TYPE_CHECKING:
    from pipeline.operate.feeds.contracts import ContractChange, Proposal

_KINDS = {"compatible": "green", "breaking": "red", "refused": "red"}


def say_changes(changes: Iterable[ContractChange]) -> None:
    """The changes of a contract, one a line."""
    for change in changes:
        style = _KINDS[change.kind]
        what = f"{escape_untrusted(change.subject)}: {escape_untrusted(change.meaning)}"
        console.print(f"  [{style}]{change.kind}[/] {what}", highlight=False, soft_wrap=True)


def say_proposal(proposal: Proposal, to: Console) -> None:
    """What was proposed of each attribute that looks like a person's, and what to do next."""
    feed, notes = proposal.proposed.feed, proposal.proposed.notes
    kept = {column.from_ or name for name, column in feed.columns.items()}
    hidden = {column.from_ for column in feed.columns.values() if column.pseudonymise or column.generalise}
    to.print(f"  read {counted(proposal.items, 'item')} of {feed.source.table}", highlight=False)
    for path, note in notes.items():
        if path in hidden:
            what = "hidden"
        elif path not in kept:
            what = "left out"
        elif note:
            what = "kept"
        else:
            continue
        to.print(f"  {what} {escape_untrusted(path)}: {escape_untrusted(note)}", highlight=False, soft_wrap=True)
    for warning in proposal.warnings:
        to.print(f"  [yellow]warning:[/] {escape_untrusted(warning)}", highlight=False, soft_wrap=True)
    to.print(
        f"  next: read each line, say who holds the keys; `sluice feed check {feed.feed}`",
        highlight=False,
        soft_wrap=True,
    )
