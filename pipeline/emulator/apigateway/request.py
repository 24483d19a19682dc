"""A request to a deployed API, as it came over HTTP. Where it goes is not decided here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

_MARK = "_user_request_"
_OF_CGI = ("CONTENT_TYPE", "CONTENT_LENGTH")

LARGEST_BODY = 10 * 1024 * 1024
"""Bytes of a request's body (API Gateway quota)."""


def is_of_data_plane(path: str) -> bool:
    """Whether a path is `/restapis/<api id>/<stage>/_user_request_/…`."""
    parts = path.split("/", 5)
    return len(parts) > 4 and parts[1] == "restapis" and parts[4] == _MARK


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request. `path` is what follows the stage, as it was sent; parameters of the query are unescaped."""

    api_id: str
    stage: str
    verb: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    host: str

    def header(self, name: str) -> str:
        """The last header of a name, whatever its case; empty if there is none."""
        return next((value for each, value in reversed(self.headers) if each.lower() == name.lower()), "")

    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def parameters(self, of_path: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """All parameters, by place and name; of several of a name the last."""
        return {"path": dict(of_path), "querystring": dict(self.query), "header": dict(self.headers)}


def read_incoming(environ: Mapping[str, Any], body: bytes) -> Incoming:
    """The request of a WSGI environment whose path `is_of_data_plane`."""
    sent = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"])
    path, _, query = sent.partition("?")
    if "://" in path.split("/", 1)[0] + "//":
        path = "/" + path.partition("://")[2].partition("/")[2]
    _, _, api_id, stage, _, rest = (*path.split("/", 5), "")[:6]
    return Incoming(
        api_id,
        stage,
        str(environ["REQUEST_METHOD"]),
        f"/{rest}",
        tuple(parse_qsl(query, keep_blank_values=True)),
        tuple(_headers(environ)),
        body,
        str(environ.get("REMOTE_ADDR", "")),
        str(environ.get("HTTP_HOST", "")),
    )


def _headers(environ: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for name, value in environ.items():
        if name.startswith("HTTP_") or (name in _OF_CGI and value):
            words = name.removeprefix("HTTP_").split("_")
            found.append(("-".join(word.capitalize() for word in words), str(value)))
    return found
