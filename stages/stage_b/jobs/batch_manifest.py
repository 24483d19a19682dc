"""What a transform job is to load: the manifest, and the staged files that it names."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.errors import BadInput, Gone, Inconsistent, Refused
from pipeline.lake.datasets.system_columns import ROW_COLUMN
from pipeline.lake.datasets.types import Type
from pipeline.lake.messages.manifest import Manifest, StagedObject, manifest_folder
from pipeline.lake.tables.scratch import FOLDER as TRIALS

FOOTER_BYTES = 64 * 1024
"""Read at first from the end of each file; a longer footer costs a second call."""

THREADS = 8
_LENGTH_AND_MAGIC = 8
_MAGIC = b"PAR1"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A staged file that is there and is the one that the manifest names. `columns` in the file's order, without
    the one that only tells the rows' places. `content` is the whole file where FOOTER_BYTES held it, `gathered` the
    s3:// URI of the file that its rows are read from instead (`gathering`)."""

    object: StagedObject
    columns: tuple[tuple[str, Type], ...]
    content: bytes | None = field(default=None, repr=False)
    gathered: str | None = None


def read_manifest(s3: Any, uri: str, dataset: str) -> Manifest:
    """Read the manifest at an s3:// URI. `Refused` if it does not lie where those of the dataset, or of trials, do."""
    bucket, key = parts(uri)
    if not key.startswith((manifest_folder(dataset), manifest_folder(TRIALS))):
        raise Refused(f"{uri} is no manifest of {dataset}")
    return Manifest.from_json(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))


def inspect_staged(s3: Any, manifest: Manifest) -> list[StagedFile]:
    """Look at the end of every staged file: is it the manifest's, and which columns has it?

    One ranged GET a file, on condition of its ETag. `Gone` names the first that is missing or has changed,
    `Inconsistent` one with another number of rows.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda staged: _inspect(s3, staged), manifest.objects))


def inspect_loaded(s3: Any, manifest: Manifest) -> list[StagedFile]:
    """The same of the versions that are loaded already, without those whose staged files are there no more."""
    with ThreadPoolExecutor(THREADS) as pool:
        return [file for file in pool.map(lambda staged: _if_there(s3, staged), manifest.loaded) if file]


def _if_there(s3: Any, staged: StagedObject) -> StagedFile | None:
    try:
        return _inspect(s3, staged)
    except Gone:
        return None


def _inspect(s3: Any, staged: StagedObject) -> StagedFile:
    import pyarrow.parquet as pq

    from pipeline.lake.datasets.arrow import type_of

    end, is_whole = _end_of(s3, staged, FOOTER_BYTES)
    content = end if is_whole else None
    needed = int.from_bytes(end[-_LENGTH_AND_MAGIC:-4], "little") + _LENGTH_AND_MAGIC
    if needed > len(end):
        end, _ = _end_of(s3, staged, needed)
    metadata = pq.read_metadata(io.BytesIO(_MAGIC + end[-needed:]))
    if metadata.num_rows != staged.rows:
        raise Inconsistent(f"{staged.staged} has {metadata.num_rows} rows and its manifest says {staged.rows}")
    try:
        fields = [field for field in metadata.schema.to_arrow_schema() if field.name != ROW_COLUMN]
        columns = tuple((field.name, type_of(field.type)) for field in fields)
    except ValueError as error:
        raise BadInput(f"{staged.staged}: {error}") from None
    return StagedFile(staged, columns, content)


def _end_of(s3: Any, staged: StagedObject, length: int) -> tuple[bytes, bool]:
    """The last bytes of the file, and whether they are all of it."""
    from botocore.exceptions import ClientError

    bucket, key = parts(staged.staged)
    condition = f'"{staged.etag.strip(chr(34))}"'
    try:
        answer = s3.get_object(Bucket=bucket, Key=key, IfMatch=condition, Range=f"bytes=-{length}")
        return answer["Body"].read(), answer["ContentRange"].startswith("bytes 0-")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("NoSuchKey", "404") or (code in ("AccessDenied", "403") and not _is_listed(s3, bucket, key)):
            raise Gone(
                f"staged file {staged.staged} is missing: it has expired",
                hint="`sluice redrive --batch` with this batch stages it anew.",
            ) from None
        if code in ("PreconditionFailed", "412"):
            raise Gone(f"staged file {staged.staged} has changed since the batch was sealed") from None
        raise


def _is_listed(s3: Any, bucket: str, key: str) -> bool:
    """Whether a key is there for whoever may list its folder alone, to whom S3 says of one that is not there that it
    must not be read: 404 is for those who may list the bucket whatever the prefix."""
    return any(found["Key"] == key for found in s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", ()))


def parts(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URI."""
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key
