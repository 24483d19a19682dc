from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.console import Console

from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import console
from pipeline.operate.formatting import ago, between, duration, size


@pytest.mark.parametrize(
    "key", ["a [bold]b[/].csv", "[/]", "x\\", "c:\\[red]", ":smile:.csv", "ü €.csv", "[link=http://x]y[/link]"]
)
def test_a_key_is_shown_as_it_is(key):
    plain = Console(emoji=console._emoji, width=80)
    with plain.capture() as captured:
        plain.print(f"[bold]{escape_untrusted(key)}[/]", highlight=False)
    assert captured.get() == f"{key}\n"


@pytest.mark.parametrize(
    ("key", "expected"),
    [("a\nb", "a\\nb"), ("\x1b[2J", "\\x1b\\[2J"), ("\u202egpj", "\\u202egpj"), ("\ud800", "\\ud800")],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(key, expected):
    assert escape_untrusted(key).replace("\\[", "[") == expected.replace("\\[", "[")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10.0 s"), (12.4, "12 s"), (185, "3 min 5 s"), (7800, "2 h 10 min"), (86400, "1 d")],
)
def test_durations_read_in_two_units_at_most(seconds, text):
    assert duration(seconds) == text


def test_times_between_and_ago():
    assert between("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.500Z") == "1.5 s"
    assert between("2026-01-01T00:00:00.000Z", None) is None
    assert ago("2026-01-01T00:00:00.000Z", datetime(2026, 1, 3, tzinfo=UTC)) == "2 d ago"


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 B"), (1000, "1.0 kB"), (999_999, "1.0 MB"), (5 * 10**12, "5.0 TB")]
)
def test_sizes(count, text):
    assert size(count) == text
