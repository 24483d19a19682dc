"""From the raw bucket's events to Stage A."""
