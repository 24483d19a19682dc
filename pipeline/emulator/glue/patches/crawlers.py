"""Crawlers: moto's end after one look, and look at nothing; here they crawl (`glue.crawlers`)."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.emulator.glue.crawlers import Crawl
from pipeline.emulator.moto.patch import addition, patch

_lock = threading.Lock()
_HONOURED = frozenset(
    (
        "Name", "Role", "DatabaseName", "Description", "Targets", "SchemaChangePolicy", "RecrawlPolicy",
        "Configuration", "TablePrefix", "Tags",
    )
)  # fmt: skip


@patch("moto.glue.responses:GlueResponse.create_crawler", "e407f71335d9", "moto takes every target, and crawls none")
def _create_crawler(self: Any) -> Any:
    _check(self.parameters)
    return _create_crawler.original(self)


@addition("moto.glue.responses:GlueResponse.update_crawler", "moto has no such operation")
def _update_crawler(self: Any) -> Any:
    from moto.core.responses import EmptyResult
    from moto.glue.exceptions import CrawlerRunningException

    given = self.parameters
    _check(given)
    crawler = self.glue_backend.get_crawler(given["Name"])
    if crawler.status != "READY":
        raise CrawlerRunningException(f"Crawler with name {crawler.name} has already started")
    for parameter, name in _ATTRIBUTES.items():
        if parameter in given:
            setattr(crawler, name, given[parameter])
    crawler.version += 1
    return EmptyResult()


_ATTRIBUTES = {
    "Role": "role",
    "DatabaseName": "database_name",
    "Description": "description",
    "Targets": "targets",
    "SchemaChangePolicy": "schema_change_policy",
    "RecrawlPolicy": "recrawl_policy",
    "Configuration": "configuration",
    "TablePrefix": "table_prefix",
}


@patch("moto.glue.models:FakeCrawler.start_crawler", "7841a96646dd", "moto looks at nothing")
def _start_crawler(crawler: Any) -> None:
    from moto.glue.exceptions import CrawlerRunningException

    with _lock:
        if crawler.status != "READY":
            raise CrawlerRunningException(f"Crawler with name {crawler.name} has already started")
        targets = crawler.targets["CatalogTargets"]
        tables = tuple((each["DatabaseName"], table) for each in targets for table in each["Tables"])
        begun = Crawl(crawler.name, tables)
        crawler.crawls.append(begun)
        begun.begin()


@patch("moto.glue.models:FakeCrawler.stop_crawler", "c03f9a33b08f", "moto has nothing to stop")
def _stop_crawler(crawler: Any) -> None:
    from moto.glue.exceptions import CrawlerNotRunningException

    with _lock:
        if crawler.status != "RUNNING":
            raise CrawlerNotRunningException(f"Crawler with name {crawler.name} isn't running")
        crawler.crawls[-1].stop()


@patch("moto.glue.models:FakeCrawler.status", "60742da5b00f", "moto lets a crawl end when it is looked at")
def _status(crawler: Any) -> str:
    return str(crawler.crawls[-1].state) if crawler.crawls else "READY"


@patch("moto.glue.models:FakeCrawler.as_dict", "98bfd83d13d8", "moto has other names for what came of a crawl")
def _as_dict(crawler: Any) -> Any:
    crawls, crawler.crawls = crawler.crawls, []
    try:
        facts = _as_dict.original(crawler)
    finally:
        crawler.crawls = crawls
    last = next((found for each in reversed(crawls) if (found := each.last)), None)
    return {**facts, "State": crawler.status, **({"LastCrawl": last} if last else {})}


def _check(parameters: dict[str, Any]) -> None:
    """Refuse what would be taken and not done."""
    from moto.core.exceptions import JsonRESTError

    targets = parameters.get("Targets", {})
    other = [name for name, value in targets.items() if value and name != "CatalogTargets"]
    unknown = sorted(name for name, value in parameters.items() if value and name not in _HONOURED)
    if other or unknown or ("Targets" in parameters and not targets.get("CatalogTargets")):
        what = ", ".join([*other, *unknown]) or "a crawler without CatalogTargets"
        raise JsonRESTError("InvalidInputException", f"not honoured here: {what}")
    # Glue Developer Guide, "Configuring a crawler": a crawler of tables that are there must not delete.
    if parameters.get("SchemaChangePolicy", {}).get("DeleteBehavior", "LOG") != "LOG":
        raise JsonRESTError(
            "InvalidInputException",
            "The SchemaChangePolicy of a crawler with catalog targets needs DeleteBehavior LOG",
        )
