"""Job arguments, read as Glue's `awsglue.utils` reads them."""

from __future__ import annotations

from collections.abc import Sequence

GIVEN = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION")
"""In every answer without being asked for; asking for one fails on Glue too, where its parser has it already."""

OPTIONAL = ("TempDir", "RedshiftTempDir")


class GlueArgumentError(Exception):
    """An argument that the job asked for was not given, or may not be asked for."""


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, str | None]:
    """The values of `options` in `args`, which is sys.argv, and of what Glue adds (None where absent).

    `--name value` and `--name=value` are the same; what was not asked for is ignored; of two the last counts.
    GlueArgumentError names an option that is missing or reserved.
    """
    given = _pairs(args)
    for name in options:
        if name in GIVEN:
            raise GlueArgumentError(f"argument --{name}: conflicting option string: --{name}")
        if name not in given and name not in OPTIONAL:
            raise GlueArgumentError(f"the following arguments are required: --{name}")
    return {name: given.get(name) for name in (*GIVEN, *OPTIONAL, *options)}


def _pairs(args: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    words = iter(args)
    for word in words:
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        given[name] = value if equals else next(words, "")
    return given
