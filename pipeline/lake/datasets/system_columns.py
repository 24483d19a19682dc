"""The columns that Sluice and Iceberg add to a dataset's own. Apart from `model`, so that jobs do without pydantic."""

from __future__ import annotations

ORDER_COLUMN = "_sluice_order"
"""Column of upsert and overwrite tables that holds the order of the object a row came from (PROTOCOL, Identity 3)."""

ROW_COLUMN = "_sluice_row"
"""Column of every staged Parquet file that holds where in its source a row stood: the 1-based line where it starts
(CSV, JSON lines) or its number in the array (JSON). It only grows. The Stage B job names it for rows that cannot be
loaded, and drops it."""

RESCUED_COLUMN = "_rescued"
"""Column of datasets that say `on_bad_value: rescue` or `on_new_column: rescue`: as JSON text, what of a row has no
place in the other columns, as it was written, by column, with `_sluice_file` and `_sluice_row`, where it stood."""

BATCH_COLUMN = "batch_id"
"""The partition of a Parquet table that rows are appended to: each batch is one."""

ICEBERG_COLUMNS = frozenset({"_file", "_pos", "_deleted", "_spec_id", "_partition"})
"""What Iceberg calls its columns about a row's place. No upsert succeeds on a table with a column of that name."""
