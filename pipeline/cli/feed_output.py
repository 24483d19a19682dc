"""How `sluice feed` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console

from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import console, print_table
from pipeline.core.clock import iso
from pipeline.operate.formatting import ago, counted, duration, size

if TYPE_CHECKING:
    from pipeline.operate.feeds.contracts import ContractChange, Proposal
    from pipeline.operate.feeds.erasure import Erasure
    from pipeline.operate.feeds.imports import Estimate, Step
    from pipeline.operate.feeds.keys import Keys
    from pipeline.operate.feeds.state import FeedState, Privacy

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


def say_states(states: Sequence[FeedState]) -> None:
    """The feeds of a lake, and below what was put aside of each."""
    now = datetime.now(UTC)
    rows = [
        (
            f"[bold]{each.feed}[/]",
            each.source,
            each.table,
            f"{each.rows:,}",
            f"{ago(iso(each.loads.at), now)}" if each.loads else "[dim]never[/]",
            _lag(each),
            f"[yellow]{aside:,}[/]" if (aside := sum(one.records for one in each.put_aside)) else "0",
            _imported(each, now),
        )
        for each in states
    ]
    titles = ("feed", "source", "table", "rows", "loaded", "behind by", "put aside", "import")
    print_table("Feeds", titles, rows, empty="none is deployed: see docs/feeds.md")
    for each in states:
        for aside_for in each.put_aside:
            what = f"{counted(aside_for.records, 'record')} put aside: {aside_for.column} {aside_for.reason}"
            console.print(
                f"  [yellow]{each.feed}[/] {escape_untrusted(what)}, the last {ago(iso(aside_for.newest), now)}",
                highlight=False,
                soft_wrap=True,
            )


def _lag(state: FeedState) -> str:
    known = state.loads.lag_s if state.loads else None
    return "[dim]unknown[/]" if known is None else duration(known)


def _imported(state: FeedState, now: datetime) -> str:
    found = state.imported
    if found is None:
        return "[dim]never[/]"
    how = "done" if found.done == found.parts else f"{found.done} of {found.parts} parts"
    return f"{how}, {counted(found.items, 'item')}, {ago(iso(found.at), now)}"


def say_privacy(name: str, report: Privacy) -> None:
    """What becomes of each attribute, and the k-anonymity of the rows."""
    rows = [
        (each["column"], escape_untrusted(each["attribute"]), each["treatment"], escape_untrusted(each["explanation"]))
        for each in report.treatments
    ]
    print_table(f"What {name} keeps", ("column", "attribute", "treatment", "meaning"), rows)
    if report.dropped:
        console.print(f"  dropped: {escape_untrusted(', '.join(report.dropped))}", highlight=False, soft_wrap=True)
    console.print("  dropped: every attribute that the contract does not name", highlight=False)
    if not report.quasi_identifiers:
        console.print("  no column is marked as a quasi-identifier: nothing is counted", highlight=False)
    elif report.k is None:
        console.print("  there are no rows yet", highlight=False)
    else:
        console.print(
            f"  k = {report.k:,}: the fewest rows that are alike in {', '.join(report.quasi_identifiers)};"
            f" {report.rows_in_small_groups:,} of {counted(report.rows, 'row')} are in groups of fewer than 5",
            highlight=False,
            soft_wrap=True,
        )
    console.print("  pseudonymised, not anonymous: whoever has the keys finds people again", highlight=False)


def say_estimate(about: Estimate, units: float) -> None:
    """How much there is to import, and for how long."""
    done = "within" if about.within_retention else "[yellow]not within[/]"
    console.print(
        f"about {counted(about.items, 'item')}, {size(about.bytes)}: {duration(about.hours * 3600)} at most with"
        f" {units:g} read units a second, {done} 24 hours",
        highlight=False,
        soft_wrap=True,
    )


def say_step(step: Step, about: Estimate) -> None:
    """How far an import is."""
    of = f" of about {about.items:,}" if about.items >= step.items else ""
    console.print(f"  {step.what}: {step.items:,}{of} items, {step.done} of {step.parts} parts", highlight=False)


def say_comparison(compared: Mapping[str, Any]) -> None:
    """Source and target by day."""
    rows = [
        (
            day["day"] or "no day",
            f"{day['source_rows']:,}",
            f"{day['target_rows']:,}",
            day["source_checksum"],
            day["target_checksum"],
            _verdict(day),
        )
        for day in compared["days"]
    ]
    titles = ("day", "source", "target", "checksum of the source", "checksum of the target", "")
    print_table("By day", titles, rows)
    kinds = ("missing", "different", "surplus", "in_motion", "erased", "refused")
    words = {
        "surplus": "surplus: rows without an item in the source",
        "in_motion": "in motion: written while the source was read",
        "erased": "erased here, and still in the source",
        "refused": "put aside: items that are no rows",
    }
    told = [f"{compared[kind]:,} {words.get(kind, kind)}" for kind in kinds if compared[kind]]
    verdict = "[green]agrees[/]" if compared["agrees"] else "[red]differs[/]"
    console.print(f"{verdict}{': ' if told else ''}{', '.join(told)}", highlight=False, soft_wrap=True)
    if not compared["agrees"]:
        console.print(
            "  The stream is behind (sluice feed status), or gave records up:"
            " sluice feed import --way in-place --anew repairs what they would have said",
            highlight=False,
            soft_wrap=True,
        )


def _verdict(day: Mapping[str, Any]) -> str:
    if day["agrees"]:
        return "[green]agrees[/]"
    return f"[red]{counted(day['wrong'], 'row')} wrong[/]" if day["wrong"] else "in motion, or erased"


def say_erasure(found: Erasure) -> None:
    """What was erased or would be, and what erasure does not reach."""
    rows = [(each.feed, each.table, f"{each.rows:,}", f"{each.put_aside:,}") for each in found.erased]
    print_table("Would be erased" if found.dry_run else "Erased", ("feed", "table", "rows", "put aside"), rows)
    if found.dry_run:
        console.print("  nothing is erased yet: add --for-good", highlight=False)
    else:
        style = "red" if found.left else "green"
        console.print(f"  [{style}]{counted(found.left, 'row')} left[/] at {found.at}", highlight=False)
    console.print("  not reached:", highlight=False)
    for each in found.unreached:
        console.print(f"    {each}", highlight=False, soft_wrap=True)


def say_keys(keys: Keys, added: int | None) -> None:
    """The namespaces with their versions, and what is to do."""
    if added is not None:
        console.print(f"added a key: version {added}", highlight=False)
    rows = [(each.namespace, each.method, each.version, keys.newest) for each in keys.namespaces]
    print_table("Namespaces", ("namespace", "method", "version", "newest key"), rows)
    for each in keys.namespaces:
        if each.method == "sha256" and each.version == 0:
            console.print(
                f"  [yellow]warning:[/] {each.namespace} is sha256(id + secret), which can be tried out and continued:"
                f" `sluice feed rotate {each.namespace}` puts a key of ours over it",
                highlight=False,
                soft_wrap=True,
            )
    behind = [each.namespace for each in keys.behind]
    if behind:
        console.print(f"  next: `sluice feed rotate {' '.join(behind)}`", highlight=False, soft_wrap=True)
