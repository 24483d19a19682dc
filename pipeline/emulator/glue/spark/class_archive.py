"""Where the archive of Spark's classes is, which a JVM maps instead of reading, verifying and linking each of them.

More than half of the processor time of a launch goes without it. Java calls this class data sharing. `class_dump` makes
the archive; where there is none, or one of another Java or other jars, a JVM starts without, as it always did.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.emulator.glue.spark.configuration import class_path


def class_archive(java_home: Path, jars: Sequence[Path]) -> Path:
    """The file for this Java and these jars, in the environment of this Python; whether it is there or not.

    Its name changes with them: Java itself looks at sizes and times of jars, and refuses an archive of others.
    """
    seen = hashlib.sha256()
    for file in (java_home / "release", *_class_path_files(jars)):
        found = file.stat() if file.exists() else None
        seen.update(f"{file} {found and (found.st_size, found.st_mtime_ns)}\n".encode())
    return Path(sys.prefix) / f"spark-classes-{seen.hexdigest()[:16]}.jsa"


def class_archive_options(java_home: Path | None, jars: Sequence[Path]) -> list[str]:
    """Options of the JVM to use it; none where there is none."""
    archive = class_archive(java_home, jars) if java_home else None
    return [f"-XX:SharedArchiveFile={archive}"] if archive and archive.exists() else []


def _class_path_files(jars: Sequence[Path]) -> Iterator[Path]:
    for entry in class_path(jars):
        yield from sorted(Path(entry).parent.glob("*.jar")) if entry.endswith("/*") else [Path(entry)]
