"""Stage A's Glue job, for objects that are too big for its function."""
