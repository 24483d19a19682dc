"""The object catalog: one DynamoDB row an object version. The event is a hint, the catalog is the truth."""

from pipeline.lake.catalog.catalog import Catalog
from pipeline.lake.catalog.rows import ObjectRow, Status
from pipeline.lake.catalog.staged_writes import Staging

__all__ = ["Catalog", "ObjectRow", "Staging", "Status"]
