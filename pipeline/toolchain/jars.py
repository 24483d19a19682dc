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


DEEQU = (
    Jar(
        "com.amazon.deequ",
        "deequ",
        "2.1.0-spark-3.5",
        "ab902814dec56dc39ff16d1c5c80e7101a5dff8c1aa380fdafce522da1cd1546",
        2_237_536,
    ),
    Jar(
        "software.amazon.glue",
        "dqdl",
        "1.0.0",
        "8382887bd34e23a426e3824520e69ba59e9666f567a4f7bad2a6b40348cdaa6e",
        215_554,
    ),
)
ICEBERG = (
    Jar(
        "org.apache.iceberg",
        "iceberg-spark-runtime-3.5_2.12",
        "1.10.0",
        "70f9471870b2d456167d703c829f098a446b86bb1379eee338c0efa03a341026",
        47_130_096,
    ),
    Jar(
        "org.apache.iceberg",
        "iceberg-aws-bundle",
        "1.10.0",
        "172370cfc32a5f1ae5399b210e86fc04a366dc29a112d97ac8ffc74df7525596",
        64_859_357,
    ),
)
# The parts of the AWS SDK that S3A uses: 7 MB, while the usual bundle has 280 MB.
S3A = (
    Jar(
        "org.apache.hadoop",
        "hadoop-aws",
        "3.3.4",
        "53f9ae03c681a30a50aa17524bd9790ab596b28481858e54efd989a826ed3a4a",
        962_685,
    ),
    Jar(
        "com.amazonaws",
        "aws-java-sdk-core",
        "1.12.262",
        "06fed99f929c389e168278c1b111aaf1afb270d07202fbbce92e73d1e4279678",
        1_045_128,
    ),
    Jar(
        "com.amazonaws",
        "aws-java-sdk-s3",
        "1.12.262",
        "a0cb7580178bc0d4d3558295a5bb890008478da8a6b3241989c71238b0ed3be5",
        1_256_738,
    ),
    Jar(
        "com.amazonaws",
        "aws-java-sdk-dynamodb",
        "1.12.262",
        "7af4ba06d0d9b3c2ab435089caecd0567810d203aa285f7aa72861f1964d442e",
        1_997_350,
    ),
    Jar(
        "com.amazonaws",
        "aws-java-sdk-kms",
        "1.12.262",
        "c00f5ae7b334255f661d85512e7203af9523a04fb65d0c431c2eea2003ed8ae2",
        656_123,
    ),
    Jar(
        "com.amazonaws",
        "aws-java-sdk-sts",
        "1.12.262",
        "659f48d8ebc02025c5042cc4b925f62610e81f334498f1b9e7a271ce20ecbcae",
        150_756,
    ),
    Jar(
        "com.amazonaws",
        "jmespath-java",
        "1.12.262",
        "9001ea993a45d82a2d3086edcbda8a40b4e012d049a70fbf071fd329c0fbd777",
        27_590,
    ),
    Jar(
        "software.amazon.ion",
        "ion-java",
        "1.0.2",
        "0d127b205a1fce0abc2a3757a041748651bc66c15cf4c059bac5833b27d471a5",
        565_410,
    ),
    Jar(
        "org.wildfly.openssl",
        "wildfly-openssl",
        "1.0.7.Final",
        "9f7058778978ec2ad90c7224401a4b0013d93e0dd3fa0f72b25244ffa3507ca8",
        424_076,
    ),
)
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
