"""How Glue and Athena write the types of a Parquet file's columns, as Arrow reads them. Pure."""

from __future__ import annotations

from typing import Any


def glue_type(of: Any) -> str:
    """The type as Glue's catalog has it. `of` is Arrow's; one that has no name there is `string`.

    Source: Athena User Guide, "Data types in Amazon Athena".
    """
    import pyarrow as pa

    if pa.types.is_decimal(of):
        return f"decimal({of.precision},{of.scale})"
    if pa.types.is_map(of):
        return f"map<{glue_type(of.key_type)},{glue_type(of.item_type)}>"
    if pa.types.is_list(of) or pa.types.is_large_list(of):
        return f"array<{glue_type(of.value_type)}>"
    if pa.types.is_struct(of):
        return f"struct<{','.join(f'{part.name}:{glue_type(part.type)}' for part in of)}>"
    if pa.types.is_timestamp(of):
        return "timestamp"
    return _NAMES.get(str(of), "string")


_NAMES = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "float": "float",
    "double": "double",
    "date32[day]": "date",
    "binary": "binary",
}
