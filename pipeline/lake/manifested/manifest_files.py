"""Reads a manifest file: which objects make a delivery, and what their bytes have to be. Pure.

Two forms. JSON: a list, or `{"files": […]}`, of names or of objects with `path` (or `name`, `key`, `url`), and where
they are to be checked `sha256` and `size`; the manifests of Redshift (`{"entries": [{"url": …, "meta":
{"content_length": …}}]}`) are read, too. CSV: a header with `path`, and `sha256`, `size`, `version_id` where wanted.
Names are relative to the manifest's folder, or whole `s3://` addresses.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.errors import BadObject
from pipeline.lake.datasets.model import MOST_OBJECTS
from pipeline.lake.files.strict_json import strict_decoder
from pipeline.lake.manifested.folders import folder_of
from pipeline.lake.messages.delivery import Member

LONGEST_BYTES = 1024 * 1024
"""Of a manifest: 300 of the longest keys have a third of it."""

_NAMES = ("path", "name", "key", "url", "file")
_KNOWN = {*_NAMES, "sha256", "size", "version_id", "mandatory", "meta"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FORM = 'Write {"files": [{"path": "a.csv", "sha256": "…"}]}, or CSV with a header `path,sha256,size`.'


_loads = strict_decoder(float)


def read_manifest(body: bytes, *, bucket: str, key: str, dataset: str) -> tuple[Member, ...]:
    """The members that a manifest of `dataset` names, in its order.

    `BadObject` if it cannot be read, names none, too many, one twice, or what lies outside the dataset.
    """
    entries = list(_entries(body))
    if not entries:
        raise BadObject("the manifest names no file", hint="Name the files of the delivery, and upload it again.")
    if len(entries) > MOST_OBJECTS:
        raise too_many(len(entries))
    found = [_member(number, entry, bucket, key) for number, entry in enumerate(entries, 1)]
    seen: set[str] = set()
    for number, member in enumerate(found, 1):
        if not member.key.startswith(f"{dataset}/") or member.key == key:
            raise _bad(number, f"{member.key!r} is no file of {dataset}/")
        if member.key in seen:
            raise _bad(number, f"{member.key!r} is named twice")
        seen.add(member.key)
    return tuple(found)


def too_many(count: int) -> BadObject:
    """The refusal of a delivery that no batch can hold."""
    return BadObject(
        f"the delivery has {count:,} files, and a batch at most {MOST_OBJECTS}",
        hint="Deliver fewer, larger files, or several deliveries: each is loaded as a whole.",
    )


def _entries(body: bytes) -> Iterator[Mapping[str, Any]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadObject("the manifest is no UTF-8", hint=_FORM) from error
    if text.lstrip()[:1] in ("{", "["):
        yield from _json_entries(text)
    else:
        yield from _csv_entries(text)


def _json_entries(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        document = _loads(text)
    except (ValueError, RecursionError) as error:
        raise BadObject(f"the manifest is no JSON: {error}"[:200], hint=_FORM) from None
    listed = document
    if isinstance(document, dict):
        listed = next((document[name] for name in ("files", "entries") if name in document), None)
    if not isinstance(listed, list):
        raise BadObject("the manifest has no list of files", hint=_FORM)
    for number, entry in enumerate(listed, 1):
        if not isinstance(entry, (str, dict)):
            raise _bad(number, f"is {json.dumps(entry)[:40]}, and no file")
        yield {"path": entry} if isinstance(entry, str) else entry


def _csv_entries(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise BadObject(f"the manifest is no CSV: {error}", hint=_FORM) from None
    for number, row in enumerate(rows, 1):
        if None in row:
            raise _bad(number, "has more cells than the header")
        yield {str(name).strip().lower(): value for name, value in row.items() if value not in (None, "")}


def _member(number: int, entry: Mapping[str, Any], bucket: str, manifest: str) -> Member:
    if unknown := sorted(set(entry) - _KNOWN):
        raise _bad(number, f"says {unknown[0]!r}, which is not checked here; known are path, sha256, size, version_id")
    names = [entry[name] for name in _NAMES if name in entry]
    if len(names) != 1 or not isinstance(names[0], str) or not names[0]:
        raise _bad(number, "names no file, or more than one")
    if entry.get("mandatory", True) is not True:
        raise _bad(number, "is not mandatory: a delivery has all of its files")
    meta = entry.get("meta") or {}
    size = entry.get("size", meta.get("content_length") if isinstance(meta, dict) else None)
    return Member(
        _key(number, names[0], bucket, manifest), _version(number, entry), _sha256(number, entry), _size(number, size)
    )


def _key(number: int, name: str, bucket: str, manifest: str) -> str:
    if "://" not in name:
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise _bad(number, f"{name[:100]!r} is no name of a file below the manifest's folder")
        return f"{folder_of(manifest)}{name}"
    scheme, _, rest = name.partition("://")
    found, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a") or found != bucket or not key:
        raise _bad(number, f"{name[:100]!r} is not in s3://{bucket}/")
    return key


def _version(number: int, entry: Mapping[str, Any]) -> str | None:
    version = entry.get("version_id")
    if version is not None and not (isinstance(version, str) and version):
        raise _bad(number, "has a version_id that is no text")
    return version


def _sha256(number: int, entry: Mapping[str, Any]) -> str | None:
    said = entry.get("sha256")
    if said is None:
        return None
    if not isinstance(said, str) or not _SHA256.fullmatch(said.lower()):
        raise _bad(number, "has a sha256 that is not 64 hex digits")
    return said.lower()


def _size(number: int, size: Any) -> int | None:
    if size is None:
        return None
    if isinstance(size, bool) or not str(size).strip().isdigit() or len(str(size)) > 20:
        raise _bad(number, "has a size that is no number of bytes")
    return int(size)


def _bad(number: int, what: str) -> BadObject:
    return BadObject(f"file {number} of the manifest {what}", hint="Correct the manifest, and upload it again.")
