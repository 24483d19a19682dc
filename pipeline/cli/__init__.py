"""The `sluice` command. Commands parse, call the library and print; a module a group of commands."""

from pipeline.cli.app import main

__all__ = ["main"]
