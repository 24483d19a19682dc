"""The object catalog: one DynamoDB row an object version. The event is a hint, the catalog is the truth."""

from pipeline.catalog.catalog import Catalog, Registered
from pipeline.catalog.rows import ObjectRow, Status

__all__ = ["Catalog", "ObjectRow", "Registered", "Status"]
