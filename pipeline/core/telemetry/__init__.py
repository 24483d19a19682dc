"""Logs and metrics of functions and jobs: JSON lines with a correlation id. They never contain data values."""
