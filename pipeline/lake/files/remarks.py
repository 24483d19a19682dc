"""What stands below a table and is no row of it: totals, counts, sources, remarks, lines that are drawn.

Words alone: whether a row could be data by its types, a reader knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = (
    r"\W*(?:grand[ _-]?)?(?:sub)?(?:total|totals|sum|summe|gesamt|insgesamt|gesamtsumme|endsumme|zwischensumme|somme|"
    r"totale|totaal|итого|average|mittelwert|count|records?|rows?|anzahl|source|quelle|note|end of (?:file|report))\b"
)
TOTAL = re.compile(_WORDS, re.IGNORECASE)
"""How the first cell of a total or a remark begins."""

JUST_TOTAL = re.compile(r"(?:grand[ _-]?)?(?:total|sum|summe|gesamt|gesamtsumme|insgesamt|totale?)s?:?", re.IGNORECASE)
ROW_COUNT = re.compile(r"\(?[0-9,]+ (?:rows?|records?|zeilen|lines?)\b.*", re.IGNORECASE)
SENTENCE = 25
"""Characters from which on the only cell of a row at the end is a remark."""

_SUMS = (
    "total, totals, grand total, sub total, subtotal, sub-total, sum, gesamt, gesamtsumme, gesamtergebnis, summe, "
    "zwischensumme, insgesamt, total général, total general, sous-total, somme, totale, totaal, suma, razem, celkem, "
    "итого, 合计, 总计"
)
SUMS = tuple(_SUMS.split(", "))
GROUP_AFTER = (" Total", " Ergebnis", " Totale")
GROUP_BEFORE = ("Total ", "Subtotal ", "Sous-total ", "Zwischensumme ", "Summe ")
"""How Excel writes the name of a group beside the word, in its languages, and people do."""

_FIGURE = re.compile(r"[^\w]{0,4}[\d.,' \u00a0\u202f]*\d[\d.,' \u00a0\u202f]*[^\w]{0,4}", re.ASCII)
_JUST_A_WORD = re.compile(rf"{_WORDS}\W*", re.IGNORECASE)
_RULE = re.compile(r"[-=_*+|]{3,}")


def is_figure(cell: str | None) -> bool:
    """Whether a cell is a number, with what people write around one."""
    return bool(cell and _FIGURE.fullmatch(cell))


def is_remark(cells: Sequence[str | None]) -> bool:
    """Whether a row of a footer, of as many cells as the table has columns, says by its words that it is no data."""
    texts = [(cell or "").strip() for cell in cells]
    filled = [text for text in texts if text]
    if not filled or all(_RULE.fullmatch(text) for text in filled):
        return True
    first, width = filled[0], len(texts)
    if _JUST_A_WORD.fullmatch(first) or first.rstrip(":").lower() in SUMS:
        return True
    if len(filled) == 1 and ROW_COUNT.fullmatch(first):
        return True
    if len(filled) == 1 and width > 2 and texts[0]:
        return ":" in first or len(first) > SENTENCE or not any(character.isdigit() for character in first)
    if len(filled) == width:
        return False
    if len(filled) == 1 and TOTAL.match(first):
        return True
    if not all(map(is_figure, filled[1:])):
        return False
    summing = TOTAL.match(first) or first.startswith(GROUP_BEFORE) or first.endswith(GROUP_AFTER)
    # Sums below columns, with nothing that names them.
    return bool(summing) or (width > 2 and len(filled) * 2 < width and not texts[0] and is_figure(first))
