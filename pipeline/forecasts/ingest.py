"""What becomes of one announcement: the file is ours, and its times are in the index."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.core.clients import client
from pipeline.core.clock import epoch_ms, iso, system_clock
from pipeline.core.errors import BadObject
from pipeline.core.netcdf.conventions import data_variables
from pipeline.core.netcdf.formats import open_netcdf
from pipeline.core.netcdf.model import NetcdfFile
from pipeline.forecasts.announcements import Announcement, read
from pipeline.forecasts.copies import Copy, fetch
from pipeline.forecasts.index import Fetching, IndexedFile, file_item, item_of
from pipeline.forecasts.layouts import layout_of
from pipeline.forecasts.services import Forecasts, ranged
from pipeline.forecasts.settings import Setting
from pipeline.forecasts.times import forecasts_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What was done: `times` of the file, of which `written` were new; how it was read."""

    copy: Copy
    times: int
    written: int
    requests: int
    bytes_read: int
    findable_after_ms: int


def announced(body: str, forecasts: Forecasts) -> list[Announcement]:
    """The files that a message announces and that the source's definition wants."""
    source, settings = forecasts.source, forecasts.settings
    verify = forecasts.signatures.verify if forecasts.signatures else None
    bucket, topic = settings[Setting.FORECAST_BUCKET], settings[Setting.FORECAST_TOPIC]
    found = read(body, source.form, bucket, topic, verify)
    return [each for each in found if source.wanted.takes(each.key, each.variable, each.model)]


def ingest(announcement: Announcement, forecasts: Forecasts) -> Ingested:
    """Fetch a file and index its times. Doing it again changes nothing; `BadObject` for a file that has no times."""
    source = forecasts.source
    copy = fetch(client("s3"), source.source, announcement, forecasts.settings[Setting.RAW_BUCKET])
    file = ranged(copy.object, copy.size)
    netcdf = open_netcdf(file)
    if left_out := netcdf.left_out():
        log.warning("not all of the file is read", extra={"key": copy.object.key, "reason": left_out.strip("; ")})
    times = forecasts_of(netcdf)
    indexed = IndexedFile(
        object=copy.object,
        source=source.source,
        licence=source.licence,
        model=announcement.model or _model_in(netcdf, source.model_attribute) or source.source,
        # Of two files that were made in one moment it is the same one that counts, whoever comes first.
        order=f"{announcement.order}|{copy.object.key}",
    )
    written = forecasts.index.add([item_of(each, indexed) for each in times])
    findable = system_clock()
    since = datetime.fromtimestamp(announcement.announced_ms / 1000, UTC)
    fetching = Fetching(iso(since), iso(findable), copy.size, file.requests, file.bytes_read)
    # After the times: a file is found before its values can be asked for.
    _keep_layouts(netcdf, copy, forecasts)
    forecasts.index.keep_file(file_item(indexed, times, fetching))
    after = epoch_ms(findable) - announcement.announced_ms
    return Ingested(copy, len(times), written, fetching.requests, fetching.bytes_read, after)


def _keep_layouts(netcdf: NetcdfFile, copy: Copy, forecasts: Forecasts) -> None:
    """Keep where the values of each variable are. One for which that cannot be has no values at a place, no more."""
    for variable in data_variables(netcdf):
        try:
            forecasts.index.keep_layout(copy.object, layout_of(netcdf, variable))
        except BadObject as error:
            facts = {"key": copy.object.key, "variable": variable.name, "reason": error.message}
            log.warning("no values at a place", extra=facts)
            forecasts.index.keep_reason(copy.object, variable.name, error.message)


def _model_in(netcdf: NetcdfFile, attribute: str) -> str | None:
    value = netcdf.attributes.get(attribute)
    return value.strip() or None if isinstance(value, str) else None
