"""Answers requests for values at a place: an event of API Gateway's Lambda proxy integration.

`GET /times/{time}/values` asks for those of one time, `GET /values` for those of the times that `datetime` says.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.core.errors import BadInput, BadObject, Gone, NotThere, Refused
from pipeline.forecasts.coverages import MEDIA_TYPE, coverages_of
from pipeline.forecasts.queries import Query, query_of
from pipeline.forecasts.services import Forecasts, handler, read_range
from pipeline.forecasts.values import Series, answer, series_json, series_of, values_of

_TITLES = {400: "Bad request", 404: "Not found", 422: "Values cannot be read"}


@handler
def answer_with_values(event: dict[str, Any], forecasts: Forecasts) -> dict[str, Any]:
    """The values, or a problem document (RFC 9457)."""
    try:
        return _answered(event, forecasts)
    except BadObject as error:
        return _problem(422, error.message)
    except BadInput as error:
        return _problem(400, error.message)
    except (NotThere, Gone) as error:
        return _problem(404, error.message)
    except Refused as error:
        return _problem(400, error.message)


def _answered(event: dict[str, Any], forecasts: Forecasts) -> dict[str, Any]:
    path = event.get("pathParameters") or {}
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = query_of(path.get("time"), event.get("queryStringParameters") or {}, headers.get("accept", ""))
    if query.format == "CoverageJSON":
        return _json(200, MEDIA_TYPE, coverages_of(_series(query, forecasts)))
    if "time" in path:
        return _json(200, "application/json", answer(query.asked, forecasts.index, read_range))
    return _json(200, "application/json", series_json(_series(query, forecasts)))


def _series(query: Query, forecasts: Forecasts) -> Series:
    if query.is_interval:
        return series_of(query.asked, query.first, query.last, forecasts.index, read_range)
    return Series(query.asked, (values_of(query.asked, forecasts.index, read_range),))


def _problem(status: int, detail: str) -> dict[str, Any]:
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
    return _json(status, "application/problem+json", body)


def _json(status: int, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": kind}, "body": json.dumps(body), "isBase64Encoded": False}
