"""A ruleset as Deequ is given it: columns that SQL would take for something else stay columns. Pure."""

from __future__ import annotations

from pipeline.lake.quality.dqdl import normal, tokens

_UNQUOTED = "ColumnValues"
"""The rule type whose column Deequ puts into SQL as it stands: `true`, `2024` or `current_date` would be a value, and
the rule hold or fail whatever the data (seen with Deequ 2.1.0). The others look the column up by its name."""

_QUOTED = ("between",)
"""With this operator Deequ quotes the column itself."""


def for_deequ(ruleset: str) -> str:
    """The ruleset in the form that AWS's grammar wants, with backticks around the columns that need them.

    `DqdlError` if it is none.
    """
    text = normal(ruleset)
    found = tokens(text)
    parts, at = [], 0
    for rule, column, operator in zip(found, found[1:], found[2:], strict=False):
        is_column = column.kind == "string" or column.kind == "word"
        if (rule.kind, rule.text) == ("word", _UNQUOTED) and is_column and operator.text not in _QUOTED:
            parts += [text[at : column.start], f'"`{column.text.strip(chr(34))}`"']
            at = column.end
    return "".join([*parts, text[at:]])
