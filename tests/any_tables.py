"""Iceberg tables wherever they lie: tests also make some that are no dataset's."""

from __future__ import annotations

from pyiceberg.catalog import load_catalog

from pipeline.core.clients import iceberg_properties
from pipeline.lake.tables.iceberg import IcebergTables


def any_tables() -> IcebergTables:
    return IcebergTables(load_catalog("glue", **iceberg_properties()))
