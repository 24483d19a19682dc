"""Deliveries that a marker or a manifest completes: what belongs to one, and whether all of it is there."""
