"""A flow that says again what it is told: the smallest that has each kind of part."""
