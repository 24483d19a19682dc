"""The object catalog: one DynamoDB row an object version. The event is a hint, the catalog is the truth."""

from pipeline.catalog.catalog import Catalog
from pipeline.catalog.rows import ObjectRow, Status
from pipeline.catalog.work import Registered, Staging

__all__ = ["Catalog", "ObjectRow", "Registered", "Staging", "Status"]
