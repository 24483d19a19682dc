"""One person has one pseudonym in a namespace, whatever the spelling; two have two; a new key keeps what joins."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import Misconfigured
from pipeline.feeds.definition import Namespace
from pipeline.feeds.identifiers import NORMALISERS
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.pseudonyms import Pseudonyms, digest_of
from tests.examples import examples
from tests.feeds.contracts import KEYRING


def pseudonyms(name: str = "person", version: int = 1, **said: str) -> Pseudonyms:
    return Pseudonyms(name, Namespace.model_validate(said), KEYRING, version)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "A@x.org", "a@x.org "),
        ("email", "ａ@x.org", "a@\u200bx.org"),
        ("text", "Zoë  Müller", "zoe\u0308 mu\u0308ller"),
        ("text", "STRASSE", "straße"),
        ("code", "DE89 3704-0044", "de8937040044"),
        ("code", "é1", "E\u0301 1"),
        ("code", "ı´ 1", "ı\u03011"),
        ("digits", "4000 0000 0000 0002", "4000-0000-0000-0002"),
        ("digits", "٤٠٠٠", "4000"),
    ],
)
def test_spellings_of_one_identifier_are_one(kind: str, one: str, other: str):
    found = pseudonyms(identifier=kind)
    assert found.of(one) == found.of(other) is not None


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [("code", "नि1", "नी1"), ("code", "x\u0302 1", "x\u0303 1"), ("text", "नि", "नी"), ("email", "a.b@x", "ab@x")],
)
def test_two_identifiers_are_two(kind: str, one: str, other: str):
    found = pseudonyms(identifier=kind)
    assert found.of(one) != found.of(other)


@pytest.mark.parametrize("kind", NORMALISERS)
@settings(max_examples=examples(100))
@given(st.text(max_size=20))
def test_an_identifier_made_normal_is_normal(kind: str, text: str):
    once = NORMALISERS[kind](text)
    assert NORMALISERS[kind](once) == once


@pytest.mark.parametrize("kind", ["text", "email", "code", "digits"])
@pytest.mark.parametrize("empty", ["", "  ", "\u200b", "\t\n", "\xa0"])
def test_nothing_is_nobody(kind: str, empty: str):
    assert pseudonyms(identifier=kind).of(empty) is None
    assert pseudonyms(identifier="digits").of("n/a") is None


def test_namespaces_and_methods_never_join():
    found = {
        pseudonyms("person").of("ada"),
        pseudonyms("patient").of("ada"),
        pseudonyms("person", 2).of("ada"),
        pseudonyms("person", 0, method="sha256", secret="crm").of("ada"),
        pseudonyms("person", 1, method="sha256", secret="crm").of("ada"),
    }
    assert len(found) == 5
    assert None not in found


def test_a_pseudonym_is_the_hmac_of_rfc_2104():
    key = hmac.digest(KEYRING.keys[1], b"sluice/feeds/namespace/person", "sha256")
    assert pseudonyms().of("ada") == hmac.new(key, b"ada", hashlib.sha256).hexdigest()


def test_what_was_pseudonymised_elsewhere_joins():
    elsewhere = hashlib.sha256(b"ada" + b"s3cret").hexdigest()
    assert pseudonyms(version=0, identifier="exact", method="sha256", secret="crm").of("ada") == elsewhere


@pytest.mark.parametrize("said", [{}, {"method": "sha256", "secret": "crm"}])
def test_a_new_version_is_made_of_the_old_pseudonym_alone(said: dict[str, str]):
    old = pseudonyms(version=1, **said).of("ada")
    assert old
    assert digest_of("person", KEYRING, 2)(old.encode()) == pseudonyms(version=2, **said).of("ada")


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "[]",
        "{}",
        "hunter2",
        json.dumps({"keys": {}}),
        json.dumps({"keys": {"2": "A" * 44}}),
        json.dumps({"keys": {"1": "hunter2"}}),
        json.dumps({"keys": {"1": "aHVudGVyMg=="}}),
        json.dumps({"keys": ["hunter2"]}),
        json.dumps({"generated": "hunter2"}),
        json.dumps({"generated": ["hunter2"]}),
        json.dumps({"keys": {"1": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}, "legacy": {"crm": ""}}),
    ],
)
def test_a_secret_that_is_no_keyring_is_refused_and_not_quoted(secret: str):
    with pytest.raises(Misconfigured) as refused:
        Keyring.from_secret(secret)
    assert "hunter2" not in repr(refused.value)
    assert refused.value.__cause__ is None


def test_a_keyring_is_the_same_after_its_secret_and_is_never_printed():
    again = Keyring.from_secret(KEYRING.to_secret())
    assert again == KEYRING
    assert "s3cret" not in repr(again)
    assert str(list(range(10))[:3]) not in repr(again)


def test_what_a_stack_generated_is_the_first_key_and_stays_it_beside_a_second():
    generated = Keyring.from_secret(json.dumps({"generated": "x" * 64}))
    assert generated.keys == {1: b"x" * 64}
    more = Keyring({**generated.keys, 2: KEYRING.keys[2]})
    assert Keyring.from_secret(more.to_secret()) == more


def test_without_its_key_nothing_is_made():
    with pytest.raises(Misconfigured, match="no key of version 3"):
        pseudonyms(version=3)
    with pytest.raises(Misconfigured, match="no legacy secret hr"):
        pseudonyms(version=0, method="sha256", secret="hr")
