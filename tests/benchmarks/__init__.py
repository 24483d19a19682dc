"""Measurements, never tests: `make bench` prints them, docs/benchmarks.md quotes them."""
