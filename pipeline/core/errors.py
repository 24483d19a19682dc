"""Errors, sorted by what the caller can do. A class's name is what a state machine's `ErrorEquals` names."""

from __future__ import annotations


class SluiceError(Exception):
    """Every error that Sluice raises on purpose. `hint` says what to do about it, in one sentence."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Transient(SluiceError):
    """A service was busy or unreachable: the same call may succeed later."""


class Throttled(Transient):
    """A service refused for the rate of calls: the same call succeeds once there are fewer, be it in hours."""


class BadInput(SluiceError):
    """What came in is wrong: repeating the call cannot help, changing the input does."""


class BadObject(BadInput):
    """An object cannot be read as its dataset says: it is quarantined with this reason."""


class BadDefinition(BadInput):
    """A dataset definition, a ruleset or a template is wrong."""


class Gone(SluiceError):
    """The object was deleted or replaced before it was read."""


class Refused(SluiceError):
    """The request is understood and not allowed as things stand; `hint` says what would be."""


class NotThere(Refused):
    """Nothing has the name that was asked for; it may have been there."""


class Misconfigured(SluiceError):
    """A setting, a name or a part that must be there is not."""


class Broken(SluiceError):
    """Something failed that nobody had thought of: a bug. The message tells where, without what was worked on."""


class Inconsistent(SluiceError):
    """Stored state contradicts the protocol: stop, and let a person look."""


class WillFailAgain(SluiceError):
    """A job's run failed by what another run would find as it was: the data, the definition, what is set up."""
