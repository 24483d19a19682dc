"""Stage B: from staged objects to a checked table, heavy and a batch at a time."""
