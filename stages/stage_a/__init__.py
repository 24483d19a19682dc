"""Stage A: from a raw object to Parquet in staging, light and one object at a time."""
