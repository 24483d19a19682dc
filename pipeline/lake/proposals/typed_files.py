"""What files that have names and types themselves call their columns: Parquet, ORC and Avro."""

from __future__ import annotations

from pipeline.lake.proposals.contents import Content


def column_names(content: Content) -> list[str]:
    """The columns as the file calls them, in its order; none where that is not known, and they have safe names only."""
    if content.packed:
        return []
    match content.kind:
        case "parquet":
            import pyarrow.parquet as pq

            return list(pq.read_schema(content.path).names)
        case "orc":
            from pyarrow import orc

            return list(orc.ORCFile(content.path).schema.names)
        case "avro":
            return _avro_names(content)
    return []


def _avro_names(content: Content) -> list[str]:
    import fastavro

    with content.path.open("rb") as file:
        schema = fastavro.reader(file).writer_schema
    fields = schema.get("fields", ()) if isinstance(schema, dict) else ()
    return [field["name"] for field in fields]
