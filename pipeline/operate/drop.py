"""Where a dropped file goes. Pure; how it gets there is the business of who drops it."""

from __future__ import annotations

from pipeline.core.errors import BadInput, Refused
from pipeline.lake.routing import dataset_in

KEY_BYTES = 1024
"""Bytes of UTF-8 that a key of S3 may have."""
NAME_SHOWN = 60


def raw_key(folder: str, name: str) -> str:
    """The key of a file named `name`, perhaps with folders before it, below `folder`: `team/dataset` or deeper.

    `BadInput` for a folder that lies in no dataset and for what is no name; `Refused` for a key that S3 does not take.
    """
    folders, names = ([part for part in text.split("/") if part] for text in (folder, name))
    if not names or name.endswith("/"):
        raise BadInput(f"{name!r} is no name of a file", hint="Give the file a name.")
    if {".", ".."} & {*folders, *names}:
        # Clients of S3 disagree on what such a key means.
        raise BadInput(f"{name!r} has a folder named . or ..", hint="Name the folders as they are.")
    key = "/".join([*folders, *names])
    if dataset_in("/".join([*folders, "file"])) is None:
        raise BadInput(f"{folder!r} lies in no dataset", hint="Drop files into team/dataset, or a folder below it.")
    if len(key.encode()) > KEY_BYTES:
        shown = names[-1] if len(names[-1]) <= NAME_SHOWN else f"{names[-1][:NAME_SHOWN]}…"
        raise Refused(f"the key of {shown} is longer than S3's 1,024 bytes", hint="Give it a shorter name.")
    return key
