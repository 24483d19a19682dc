"""Job arguments, read as Glue's `awsglue.utils` reads them."""

from __future__ import annotations

from collections.abc import Sequence


class GlueArgumentError(Exception):
    """An argument that the job asked for was not given, or was given without a value."""


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, str]:  # noqa: N802
    """The values of `options` (and of JOB_NAME's kin, where given) in `args`, which is sys.argv.

    `--name value` and `--name=value` are the same; what was not asked for is ignored; of two the last counts.
    GlueArgumentError names the one that is missing.
    """
    given = _pairs(args)
    for name in options:
        if name not in given:
            raise GlueArgumentError(f"the following arguments are required: --{name}")
    return {name: given[name] for name in (*options, *(n for n in ("JOB_RUN_ID", "JOB_NAME") if n in given))}


def _pairs(args: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    words = iter(args)
    for word in words:
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        given[name] = value if equals else next(words, "")
    return given
