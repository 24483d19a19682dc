"""A ZIP archive that holds one file. Nothing is unpacked to a path: the names in it only tell what is refused."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterable
from typing import IO, NoReturn

from pipeline.core.errors import BadObject
from pipeline.lake.files.compression import Readable

_ENCRYPTED = 1
_MEMBERS = 1000
"""More are not even listed: each takes memory."""

_END = b"PK\x05\x06"
_END_BYTES = 22 + 65535
_CLIMBS = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|\0")
_WORKBOOK = "[Content_Types].xml"
_HINT = "Pack one file alone, or send each file by itself."


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """The archive in a file that can seek. BadObject where it is damaged, cut, or holds far too many members."""
    _check_count(file)
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BadObject(
            "the ZIP archive is damaged or cut: the list of its members at its end cannot be read",
            hint="The upload was cut or damaged: send the file again.",
        ) from error


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether it is a document of an office suite, of which archives are the outside."""
    names = archive.NameToInfo
    return _WORKBOOK in names or "mimetype" in names


def open_only_member(archive: zipfile.ZipFile) -> Readable:
    """The bytes of its only file. BadObject for several, a path that climbs, a link, encryption, an odd method.

    What macOS adds beside a file, and folders, are no members.
    """
    members = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
    _check_paths(each.filename for each in archive.infolist())
    if len(members) != 1:
        _refuse_count(len(members))
    (member,) = members
    if member.flag_bits & _ENCRYPTED:
        raise BadObject("the file in the ZIP archive is encrypted", hint="Send it without a password.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise BadObject("the member of the ZIP archive is a link, and no file", hint="Pack the file itself.")
    try:
        return archive.open(member)
    except NotImplementedError as error:
        raise BadObject(
            f"the file in the ZIP archive is packed by method {member.compress_type}, which is not read",
            hint="Pack it with Deflate, which every program knows, or with gzip.",
        ) from error
    except zipfile.BadZipFile as error:
        raise BadObject(
            "the ZIP archive is damaged: its member is not where its list says",
            hint="The upload was cut or damaged: send the file again.",
        ) from error


def _check_paths(names: Iterable[str]) -> None:
    for place, name in enumerate(names, 1):
        if _CLIMBS.search(name):
            raise BadObject(
                f"member {place} of the ZIP archive has a path that leads out of it",
                hint="Pack the file by its name alone.",
            )


def _check_count(file: IO[bytes]) -> None:
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES))
    tail = file.read()
    file.seek(0)
    end = tail.rfind(_END)
    count = int.from_bytes(tail[end + 10 : end + 12], "little") if end >= 0 else 0
    if count > _MEMBERS:
        _refuse_count(count)


def _refuse_count(count: int) -> NoReturn:
    many = f"{count:,} files" if count else "no file"
    raise BadObject(f"the ZIP archive holds {many}; it has to hold one", hint=_HINT)
