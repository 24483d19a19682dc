"""How PyIceberg reads a table's metadata where nothing is written: by boto3, without the second that pyarrow takes."""

from __future__ import annotations

import io
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile

from pipeline.core.clients import client

_ABSENT = ("404", "NoSuchBucket", "NoSuchKey")


class S3Reader(FileIO):
    """Objects of S3, each read whole. It writes and deletes nothing."""

    def new_input(self, location: str) -> InputFile:
        """An object to read."""
        return _Object(location)

    def new_output(self, location: str) -> OutputFile:
        """Refused: nothing is written through this."""
        raise NotImplementedError(f"{location} is only read")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refused: nothing is deleted through this."""
        raise NotImplementedError(f"{location} is only read")


class _Object(InputFile):
    def __len__(self) -> int:
        return len(self._content)

    def exists(self) -> bool:
        try:
            len(self)
        except FileNotFoundError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        stream: Any = io.BytesIO(self._content)
        return stream  # type: ignore[no-any-return]

    @cached_property
    def _content(self) -> bytes:
        found = urlsplit(self.location)
        try:
            answer = client("s3").get_object(Bucket=found.netloc, Key=found.path.removeprefix("/"))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT:
                raise FileNotFoundError(self.location) from error
            if code == "AccessDenied":
                raise PermissionError(self.location) from error
            raise
        return bytes(answer["Body"].read())
