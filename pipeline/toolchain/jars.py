"""The jars that Spark needs locally: their versions, their cache, and how they are downloaded once and verified.

On AWS the same versions come with Glue (Iceberg) or as the jobs' extra jars (Deequ). `spark.jars.packages` is no
alternative: Deequ's POM names a dqdl that was never published, and drags in a second Spark.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import Misconfigured
from pipeline.toolchain.folder_lock import only_one

CONNECT_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Jar:
    """One published artifact, named by its Maven coordinates and pinned by its SHA-256."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int
    """Bytes."""
    packaging: str = "jar"

    @property
    def coordinates(self) -> str:
        """`group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """Its file name in the cache, as in Maven repositories."""
        return f"{self.artifact}-{self.version}.{self.packaging}"


FILE = Path(__file__).with_name("jars.toml")
_PINNED = {group: tuple(Jar(**each) for each in jars) for group, jars in tomllib.loads(FILE.read_text("utf-8")).items()}
DEEQU, ICEBERG, S3A = _PINNED["deequ"], _PINNED["iceberg"], _PINNED["s3a"]
ALL = (*DEEQU, *ICEBERG, *S3A)

FetchProgress = Callable[[str, int, int], None]
"""Called with the name of the file that is being downloaded, the bytes so far and the bytes in total."""

Count = Callable[[int], None]
"""Called with the number of bytes received since the last call."""

Fetch = Callable[[Jar, Path, Count], Path]
"""Downloads one jar into a folder, reports the bytes received, and returns the file."""


def cache_dir() -> Path:
    """The folder of the jars: `$XDG_CACHE_HOME/sluice/jars`, or the same under `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "sluice" / "jars"


def ensure_jars(
    *,
    progress: FetchProgress | None = None,
    jars: tuple[Jar, ...] = ALL,
    folder: Path | None = None,
    fetch: Fetch | None = None,
) -> list[Path]:
    """Paths of `jars`, all verified; missing ones are downloaded. Takes 0.15 s if all are in the cache.

    A cached file with a wrong checksum is downloaded again. Processes that run this at the same time wait for each
    other. `Misconfigured` names the coordinates that could not be downloaded, and where to put the file by hand.
    """
    folder = folder or cache_dir()
    if missing := _missing(jars, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with only_one(folder):
            # Checked again: the process that held the lock has probably downloaded them.
            missing = _missing(missing, folder)
            _fetch_all(missing, folder, fetch or _fetch, progress or (lambda name, done, total: None))
    return [folder / jar.file_name for jar in jars]


def deequ_jars(*, progress: FetchProgress | None = None) -> list[Path]:
    """Deequ and the parser of its rule language, downloaded if needed: enough for the syntax check of a ruleset."""
    return ensure_jars(progress=progress, jars=DEEQU)


def _missing(jars: tuple[Jar, ...], folder: Path) -> tuple[Jar, ...]:
    with ThreadPoolExecutor(4) as pool:
        good = pool.map(lambda jar: _is_good(jar, folder / jar.file_name), jars)
    return tuple(jar for jar, there in zip(jars, good, strict=True) if not there)


def _is_good(jar: Jar, file: Path) -> bool:
    try:
        return file.stat().st_size == jar.size and _sha256(file) == jar.sha256
    except FileNotFoundError:
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _fetch_all(jars: tuple[Jar, ...], folder: Path, fetch: Fetch, progress: FetchProgress) -> None:
    work = folder / ".fetching"
    # Remains of a killed process. This process has the lock, so no other is writing there.
    shutil.rmtree(work, ignore_errors=True)
    total, done = sum(jar.size for jar in jars), 0
    try:
        for jar in jars:
            progress(jar.file_name, done, total)

            def count(size: int, name: str = jar.file_name) -> None:
                nonlocal done
                done += size
                progress(name, done, total)

            _install(jar, folder, fetch(jar, work, count))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _install(jar: Jar, folder: Path, fetched: Path) -> None:
    checksum = _sha256(fetched)
    if checksum != jar.sha256:
        fetched.unlink()
        raise Misconfigured(
            f"{jar.coordinates} has checksum {checksum}, not {jar.sha256}: the downloaded file is not the expected one",
            hint=f"Something between here and the repository changed it. {_by_hand(jar, folder)}",
        )
    os.replace(fetched, folder / jar.file_name)


def _fetch(jar: Jar, work: Path, count: Count) -> Path:
    """Download with jgo, which finds the public repository and needs neither Maven nor Java."""
    import requests
    from jgo.maven import MavenContext, PythonResolver

    @contextlib.contextmanager
    def counted(name: str, size: int) -> Iterator[Count]:
        yield count

    resolver = PythonResolver(progress_callback=counted)
    maven = MavenContext(resolver=resolver, repo_cache=work, timeout=CONNECT_TIMEOUT_S)
    try:
        return (
            maven.project(jar.group, jar.artifact).at_version(jar.version).artifact(packaging=jar.packaging).resolve()
        )
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise Misconfigured(
            f"cannot fetch {jar.coordinates} ({jar.size / 1e6:.1f} MB): {_short(error)}",
            hint=_by_hand(jar, work.parent),
        ) from error


def _short(error: Exception) -> str:
    """The error without the addresses that were tried: the coordinates are enough to look it up."""
    import requests

    if isinstance(error, requests.ConnectionError):
        return "the repository cannot be reached"
    if isinstance(error, requests.Timeout):
        return f"the repository did not answer in {CONNECT_TIMEOUT_S} s"
    return "the repository does not have it" if isinstance(error, RuntimeError) else str(error)


def _by_hand(jar: Jar, folder: Path) -> str:
    return f"Try again with a network, or put {jar.file_name} into {folder} by hand."


if __name__ == "__main__":
    for path in ensure_jars(
        progress=lambda name, done, total: print(f"\r{done:>11,}/{total:,} {name}", end="", file=sys.stderr)
    ):
        print(path)
