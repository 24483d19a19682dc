"""Why Deequ calls a rule failed: because it is false for the data, or because it could not be evaluated.

Deequ says both in the same place, as text. Only the forms listed here are about the data (seen with Deequ 2.1.0).
"""

from __future__ import annotations

import re

_ABOUT_DATA = re.compile(
    r"Value: .* does not meet the constraint requirement[!.]"
    r"|\d+\.\d\d% of rows passed"
    r"|No rows matched the filter"
    r"|Columns that do not match the pattern: .*"
    # A column that no row has ever had; whoever wrote the rule wanted values in it.
    r"|Input data does not include column \S+!"
    r"|Column \S+ does not exist in the dataset"
    # No value to compute with, in a batch whose rows have none.
    r"|Empty state for analyzer .*, all input values were NULL\."
)

_ABOUT_THE_RULE = re.compile(
    # Spark's conditions while it analyses: no row was read.
    r"\[(?:UNRESOLVED|DATATYPE_MISMATCH|PARSE|MISSING|AMBIGUOUS|UNSUPPORTED|WRONG_NUM_ARGS)[A-Z_.]*\] .*"
    r"|Expected type of column .*"
    r"|Rule \(or nested rule\) not supported .*"
)


def quotable(line: str) -> str:
    """`line`, a failure reason that is not about the data, unless it may quote rows all the same."""
    return line if _ABOUT_THE_RULE.fullmatch(line) else "Spark or Deequ failed while it computed"


def not_about_data(reason: str | None) -> str | None:
    """The first line of a failure reason that is not about the data; None if all are. A composition has several."""
    for line in (reason or "").splitlines():
        if line and not _ABOUT_DATA.fullmatch(line):
            return line
    return None
