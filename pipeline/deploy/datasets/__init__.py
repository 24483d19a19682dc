"""Dataset definitions applied to a lake: planned, registered with table and stack, and retired without losing data."""
