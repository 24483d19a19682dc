"""Batches: which objects one Stage B execution loads, and the lock that lets a dataset have one at a time."""
