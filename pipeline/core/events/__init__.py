"""Incoming events, parsed from bytes to dataclasses. One module per event source."""
