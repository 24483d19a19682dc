"""Text that others wrote, made harmless for Rich."""

from __future__ import annotations

from rich.markup import escape

from pipeline.operate.formatting import visible


def shown(text: object) -> str:
    """What somebody else wrote (a key, a reason, a value) as Rich markup that means only itself."""
    return escape(visible(str(text)))
