"""What an attribute seems to say of a person, by its name and by the form of its values. A hint, never a proof."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Suspicion:
    """`what` it looks like; `identifier` says how its spellings are one where it names somebody, else it is dropped.

    `because` is what speaks for it.
    """

    what: str
    namespace: str = ""
    identifier: str = ""
    because: str = ""

    def __str__(self) -> str:
        return f"looks like {self.what}: {self.because}"


def _word(*words: str) -> re.Pattern[str]:
    # At the borders of a_b, a-b and aB.
    return re.compile(rf"(?:^|[^a-z])(?:{'|'.join(words)})(?:[^a-z]|$)")


_BY_NAME: tuple[tuple[re.Pattern[str], Suspicion], ...] = (
    (_word("e ?mail", "mail"), Suspicion("an e-mail address", "email", "email")),
    (_word("phone", "mobile", "tel", "telephone", "fax", "msisdn"), Suspicion("a phone number", "phone", "digits")),
    (_word("iban", "bic", "account ?(?:no|number)", "sort ?code"), Suspicion("a bank account", "account", "code")),
    (_word("pan", "card ?(?:no|number)", "card"), Suspicion("a payment card", "card", "digits")),
    (
        _word("ssn", "passport", "tax ?(?:id|no|number)", "national ?id", "licen[cs]e ?(?:no|number)", "nhs"),
        Suspicion("an official number", "official_number", "code"),
    ),
    (
        _word(
            "(?:customer|client|user|person|patient|employee|member|holder|owner|contact|payer|payee|debtor|creditor)"
            " ?(?:id|no|number|ref|key)?"
        ),
        Suspicion("somebody's number", "person", "text"),
    ),
    (_word("dob", "birth", "birthday", "birth ?date", "date ?of ?birth", "age"), Suspicion("a birthday or an age")),
    (
        _word(
            "first ?name", "last ?name", "full ?name", "surname", "forename", "name", "title", "salutation", "gender"
        ),
        Suspicion("a name"),
    ),
    (
        _word(
            "address", "street", "city", "town", "house ?(?:no|number)", "lat", "latitude", "lon", "lng", "longitude"
        ),
        Suspicion("a place"),
    ),
    (
        _word("ip", "ip ?address", "device", "cookie", "session", "mac", "imei", "user ?agent", "fingerprint"),
        Suspicion("a device"),
    ),
    (
        _word("note", "notes", "comment", "comments", "memo", "message", "description", "reference", "remark", "text"),
        Suspicion("free text"),
    ),
    (_word("password", "secret", "token", "pin", "cvv", "cvc"), Suspicion("a secret")),
)

_BY_VALUE: tuple[tuple[re.Pattern[str], Suspicion], ...] = (
    (re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"), Suspicion("e-mail addresses", "email", "email")),
    (
        re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"),
        Suspicion("bank accounts", "account", "code"),
    ),
    (re.compile(r"(?:[0-9][ -]?){12,18}[0-9]"), Suspicion("card numbers", "card", "digits")),
    (re.compile(r"\+[0-9][0-9 ()/-]{6,18}[0-9]"), Suspicion("phone numbers", "phone", "digits")),
    (
        re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:]+"),
        Suspicion("addresses of devices"),
    ),
)
_SOME = 0.05
"""The share of values from which on a form is taken for what the attribute holds: one that leaks is enough."""

_FREE_TEXT = 4
"""Words of a value from which on it is free text."""

POSTCODE = _word("post ?code", "postal ?code", "zip", "zip ?code", "plz")
"""Names of attributes of which the first characters say a region."""


def plain_name(path: Sequence[str]) -> str:
    """An attribute's name in small words: `customerFirst_name` is `customer first name`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", " ".join(path))
    return re.sub(r"[^a-z0-9]+", " ", spaced.lower()).strip()


def suspicion(path: Sequence[str], texts: Sequence[str]) -> Suspicion | None:
    """What an attribute with these values looks like; None where nothing speaks for a person."""
    for pattern, found in _BY_VALUE:
        matching = sum(pattern.fullmatch(text.strip()) is not None for text in texts)
        if matching > len(texts) * _SOME:
            return replace(found, because=f"{matching} of {len(texts)} values")
    # What the last step says counts first: of `customer.email` the e-mail.
    for name in dict.fromkeys((plain_name(path[-1:]), plain_name(path))):
        for pattern, found in _BY_NAME:
            if pattern.search(name):
                return replace(found, because="by its name")
    matching = sum(len(text.split()) >= _FREE_TEXT for text in texts)
    if matching > len(texts) * _SOME:
        return Suspicion("free text", because=f"{matching} of {len(texts)} values")
    return None
