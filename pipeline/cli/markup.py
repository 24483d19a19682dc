"""Escapes untrusted text for Rich."""

from __future__ import annotations

from rich.markup import escape

from pipeline.operate.formatting import visible


def escape_untrusted(text: object) -> str:
    """Text from outside (a key, a reason, a value) as Rich markup that prints it literally; unprintable characters
    become visible."""
    return escape(visible(str(text)))
