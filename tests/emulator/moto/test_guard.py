"""A fix refuses a moto that it was not made for."""

from __future__ import annotations

import pytest

from pipeline.core.errors import Misconfigured
from pipeline.emulator.moto.guard import fingerprint, replace
from pipeline.emulator.moto.install import install_all


class Service:
    def answer(self):
        return 1


def test_a_function_with_another_source_is_not_replaced():
    with pytest.raises(Misconfigured, match="answer has source"):
        replace(Service, "answer", lambda self: 2, source="000000000000")
    assert Service().answer() == 1


def test_the_known_source_is_replaced_and_the_original_returned():
    original = replace(Service, "answer", lambda self: 2, source=fingerprint(Service.answer))
    assert Service().answer() == 2
    assert original(Service()) == 1


def test_installing_twice_changes_nothing(front):
    from moto.sqs.models import SQSBackend

    before = SQSBackend.receive_message
    install_all()
    assert SQSBackend.receive_message is before
