"""Deploys feeds: each one's target and its function."""
