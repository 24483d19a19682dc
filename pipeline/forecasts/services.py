"""Assembles the services of the functions of forecasts."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import BadObject, Gone
from pipeline.core.handler import entry_point
from pipeline.core.netcdf.ranges import RangedFile
from pipeline.core.objects import ObjectVersion
from pipeline.core.settings import Settings
from pipeline.forecasts.definition import ForecastSource
from pipeline.forecasts.settings import Setting
from pipeline.forecasts.signatures import LONGEST_CERTIFICATE, Signatures
from pipeline.forecasts.store import Index

CERTIFICATE_S = 10
"""Seconds to wait for a certificate."""
SIGNED = "signed"


class Forecasts:
    """The services of one function, each made when first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def source(self) -> ForecastSource:
        """Whose files it fetches."""
        return ForecastSource.from_json(self.settings[Setting.FORECAST_SOURCE])

    @cached_property
    def index(self) -> Index:
        """The index."""
        return Index(client("dynamodb"), self.settings[Setting.FORECASTS_TABLE])

    @cached_property
    def signatures(self) -> Signatures | None:
        """What verifies announcements; None where they come raw, from a topic of ours."""
        return Signatures(_fetch_certificate) if self.settings[Setting.FORECAST_DELIVERY] == SIGNED else None


def ranged(obj: ObjectVersion, size: int) -> RangedFile:
    """A version in S3 as a file that is read by ranges; `Gone` once it is deleted."""
    return RangedFile(lambda start, length: read_range(obj, start, length), size)


def read_range(obj: ObjectVersion, start: int, length: int) -> bytes:
    """Bytes of a version in S3."""
    s3 = client("s3")
    if length == 0:
        return b""
    version = {} if obj.version_id == "null" else {"VersionId": obj.version_id}
    try:
        answer = s3.get_object(Bucket=obj.bucket, Key=obj.key, Range=f"bytes={start}-{start + length - 1}", **version)
    except s3.exceptions.ClientError as error:
        match error.response["Error"]["Code"]:
            case "NoSuchKey" | "NoSuchVersion" | "404":
                raise Gone(f"{obj.uri} was deleted before it was read") from None
            case "InvalidRange" | "416":
                raise BadObject(f"{obj.uri} ends before byte {start}: it is truncated") from None
        raise
    content: bytes = answer["Body"].read()
    return content


def _fetch_certificate(url: str) -> bytes:
    """A certificate, from an address that `Signatures` has checked. Redirects elsewhere are not followed."""
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(url, timeout=CERTIFICATE_S) as answer:
        content: bytes = answer.read(LONGEST_CERTIFICATE + 1)
        return content


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@cache
def forecasts() -> Forecasts:
    """The services of this process."""
    return Forecasts(Settings.from_environment())


def handler(function: Callable[[dict[str, Any], Forecasts], Any]) -> Callable[[dict[str, Any], object], Any]:
    """Make a Lambda entry point of `function(event, forecasts)`."""
    return entry_point(function, forecasts)
