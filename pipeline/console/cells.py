"""Whether a column holds numbers, by the names that DuckDB, Iceberg and Arrow have for types."""

from __future__ import annotations

import re

_NUMERIC = re.compile(
    r"(u?(tiny|small|big|huge)?int(eger)?|u?int(8|16|32|64)|long|float|half_?float|double|real|numeric|(decimal\d*)(\(.*\))?)",
    re.IGNORECASE,
)


def is_numeric(type_name: str) -> bool:
    """True of types whose values people compare digit by digit, which are aligned at the right."""
    return _NUMERIC.fullmatch(type_name) is not None
