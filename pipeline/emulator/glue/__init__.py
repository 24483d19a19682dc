"""Glue: the catalog and job runs."""
