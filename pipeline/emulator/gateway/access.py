"""Who the embedded AWS answers: this machine, by its names, and whoever has the lake's key. No page of a browser."""

from __future__ import annotations

from typing import Any

from pipeline.core.lake_key import LakeKey
from pipeline.core.loopback import is_this_machine
from pipeline.emulator.apigateway.request import LARGEST_BODY, is_of_data_plane
from pipeline.emulator.gateway.calls import service_of
from pipeline.emulator.gateway.refusals import Answer, api_error, stranger, unsigned
from pipeline.emulator.gateway.signatures import Secret, Unsigned, check, check_head

# Headers that browsers set themselves and no page can leave out, and no AWS client sends.
_OF_BROWSERS = ("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_COOKIE", "HTTP_UPGRADE")
_PREFIXES_OF_BROWSERS = ("HTTP_SEC_", "HTTP_ACCESS_CONTROL_")


class Guard:
    """Looks at each request that comes over a socket, before its body is read and again with it."""

    def __init__(self, key: LakeKey) -> None:
        self._key = key

    def refuse_head(self, environ: dict[str, Any]) -> Answer | None:
        """The answer to a request that is refused for what stands before its body; None if it may go on."""
        if not is_this_machine(str(environ.get("HTTP_HOST", ""))):
            return stranger("This embedded AWS answers to 127.0.0.1 and localhost only.")
        if is_of_data_plane(environ["PATH_INFO"]):
            return _refused_size(environ)
        if environ["REQUEST_METHOD"] == "OPTIONS" or any(_is_of_browsers(name) for name in environ):
            return stranger("This embedded AWS answers no page of a browser.")
        return _refusal(check_head(environ, self.find), environ)

    def refuse(self, environ: dict[str, Any], body: bytes) -> Answer | None:
        """The answer to a request that nobody with a key of this lake has signed; None if one has."""
        if is_of_data_plane(environ["PATH_INFO"]):
            # Who may call a deployed API is for the API to say.
            return None
        return _refusal(check(environ, body, self.find), environ)

    def find(self, key_id: str) -> Secret | None:
        """The secret of an access key id, of this lake or of a session in it; None for a stranger's."""
        if key_id == self._key.id:
            return Secret(self._key.secret)
        return _of_session(key_id)


def _is_of_browsers(name: str) -> bool:
    return name in _OF_BROWSERS or name.startswith(_PREFIXES_OF_BROWSERS)


def _refused_size(environ: dict[str, Any]) -> Answer | None:
    """What is not read of a request to a deployed API: anybody may send one, and each is held in memory."""
    length = str(environ.get("CONTENT_LENGTH") or "0")
    if environ.get("wsgi.input_terminated"):
        return api_error("411 Length Required", "Length Required")
    if length.isdecimal() and int(length) > LARGEST_BODY:
        return api_error("413 Request Entity Too Large", "Request Too Long")
    return None


def _refusal(why: Unsigned | None, environ: dict[str, Any]) -> Answer | None:
    return None if why is None else unsigned(service_of(environ), why, environ)


def _of_session(key_id: str) -> Secret | None:
    """The secret of a session that somebody with the lake's key was given by AssumeRole, until it ends."""
    if not key_id.startswith("ASIA"):
        return None
    from moto.core.utils import utcnow
    from moto.sts.models import sts_backends

    for account in sts_backends.values():
        for backend in account.values():
            role = backend.get_assumed_role_from_access_key(key_id)
            if role is not None and utcnow() < role.expiration:
                return Secret(role.secret_access_key, role.session_token)
    return None
