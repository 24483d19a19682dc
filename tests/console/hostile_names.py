"""Names of files that break what does not treat them as text."""

from __future__ import annotations

NAMES = (
    "<script>alert(1)</script>.csv",
    "a b+c%2Fd&e=f#g?.csv",
    ".hidden",
    "*{}[].csv",
    "héllo \u202eרעש 文.csv",
    'it\'s "quoted" \\ and new\nline.csv',
    "n" * 1012,
)
"""The last makes a key of 1,024 bytes in shop/orders."""
