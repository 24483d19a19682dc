"""The `sluice` command. Commands parse, call the library and print; each module has one or a few commands."""

from pipeline.cli.app import main

__all__ = ["main"]
