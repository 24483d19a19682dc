"""The echo flow's functions."""
