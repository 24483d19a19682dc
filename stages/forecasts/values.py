"""Answers `GET /times/{time}/values`: an event of API Gateway's Lambda proxy integration."""

from __future__ import annotations

import json
import re
from typing import Any

from pipeline.core.errors import BadInput, BadObject, Gone, NotThere, Refused
from pipeline.forecasts.services import Forecasts, handler, read_range
from pipeline.forecasts.values import Asked, answer, number

TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
PARAMETERS = ("lat", "lon", "variable", "model")
_TITLES = {400: "Bad request", 404: "Not found", 422: "Values cannot be read"}


@handler
def answer_with_values(event: dict[str, Any], forecasts: Forecasts) -> dict[str, Any]:
    """The values, or a problem document (RFC 9457)."""
    try:
        return _json(200, "application/json", answer(_asked(event), forecasts.index, read_range))
    except BadObject as error:
        return _problem(422, error.message)
    except BadInput as error:
        return _problem(400, error.message)
    except (NotThere, Gone) as error:
        return _problem(404, error.message)
    except Refused as error:
        return _problem(400, error.message)


def _asked(event: dict[str, Any]) -> Asked:
    query = event.get("queryStringParameters") or {}
    time = (event.get("pathParameters") or {}).get("time") or ""
    if TIME.fullmatch(time) is None:
        raise BadInput("the time is not written like 2026-11-30T06:00:00Z")
    if unknown := sorted(set(query) - set(PARAMETERS)):
        raise BadInput(f"there is no parameter {unknown[0][:50]!r}: there are {', '.join(PARAMETERS)}")
    if not query.get("variable"):
        raise BadInput("variable is missing: name one, such as variable=surface_temperature")
    latitude, longitude = number(query.get("lat"), "lat"), number(query.get("lon"), "lon")
    return Asked(time, query["variable"], latitude, longitude, query.get("model"))


def _problem(status: int, detail: str) -> dict[str, Any]:
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
    return _json(status, "application/problem+json", body)


def _json(status: int, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": kind}, "body": json.dumps(body), "isBase64Encoded": False}
