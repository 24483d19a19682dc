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
    """A service rejected a call because there are too many: it succeeds once there are fewer, perhaps after hours."""


class Contended(SluiceError):
    """Others changed what was to be changed, at every try: nothing is wrong with it, and another time may do."""


class BadInput(SluiceError):
    """The input is wrong: retrying cannot help, changing the input does."""


class WrongUsage(BadInput):
    """What somebody wrote cannot be meant, whatever the lake holds: it is told before the lake is looked at."""


class BadObject(BadInput):
    """An object cannot be read as its dataset defines: it is quarantined with this reason."""


class BadDefinition(BadInput):
    """A dataset definition, a ruleset or a template is wrong."""


class Gone(SluiceError):
    """The object was deleted or replaced before it was read."""


class Refused(SluiceError):
    """The request is not allowed in the present state; `hint` says what would be."""


class NotThere(Refused):
    """Nothing has the requested name, or has it any more."""


class Misconfigured(SluiceError):
    """A required setting, name or resource is missing."""


class Broken(SluiceError):
    """An unexpected failure: a bug. The message says where it happened, and quotes no data."""


class Inconsistent(SluiceError):
    """Stored state contradicts the protocol: processing stops until a person has looked at it."""


class WillFailAgain(SluiceError):
    """A job run failed for a cause that a retry would meet again: the data, the definition or the configuration."""
