"""Which messages of a queue can be received when, by a clock that the test holds."""

from __future__ import annotations

import random

import pytest
from moto.sqs.models import Message

from pipeline.emulator.sqs.message_index import Messages


@pytest.fixture
def messages():
    return Messages()


def sent(messages: Messages, body: str, delayed_until: float = 0.0) -> Message:
    message = Message(body, body)
    message.delayed_until = delayed_until
    messages.append(message)
    return message


def hidden(messages: Messages, message: Message, until: float) -> None:
    message.visible_at = until
    messages.hide(message)


def ready(messages: Messages, now: float) -> list[str]:
    """The bodies of what can be received; all of it is let go at once."""
    taken = list(messages.take(now))
    for message in taken:
        messages.hide(message)
    return [message.body for message in taken]


def test_a_hidden_message_comes_back_after_its_moment_and_not_in_it(messages):
    hidden(messages, sent(messages, "a"), until=100)
    assert (ready(messages, 100), messages.next_change(100)) == ([], 100)
    assert (ready(messages, 101), messages.next_change(101)) == (["a"], None)


@pytest.mark.parametrize(("then", "before", "after"), [(200, 150, 201), (50, 50, 51)])
def test_the_last_moment_counts_whether_it_was_put_off_or_brought_forward(messages, then, before, after):
    message = sent(messages, "a")
    hidden(messages, message, until=100)
    hidden(messages, message, until=then)
    assert (ready(messages, before), messages.next_change(before)) == ([], then)
    assert ready(messages, after) == ["a"]


def test_what_is_removed_while_it_is_hidden_neither_comes_back_nor_is_waited_for(messages):
    message = sent(messages, "a")
    hidden(messages, message, until=100)
    messages.remove(message)
    assert (messages.next_change(0), ready(messages, 101), len(messages)) == (None, [], 0)
    assert messages.of_handle(message.receipt_handle or "") is None


def test_a_message_that_left_and_came_again_is_there_once_and_last(messages):
    first = sent(messages, "a")
    hidden(messages, first, until=100)
    messages.remove(first)
    sent(messages, "b")
    messages.append(first)
    assert ready(messages, 101) == ["b", "a"]


def test_a_delayed_message_waits_for_its_delay_and_is_counted_as_such(messages):
    sent(messages, "a", delayed_until=100)
    sent(messages, "b")
    assert (messages.visible(50), messages.delayed(50)) == (1, 1)
    assert (messages.visible(101), messages.delayed(101)) == (2, 0)
    assert ready(messages, 101) == ["a", "b"]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_to_a_queue_it_tells_what_a_look_at_every_message_tells(messages, seed):
    chance, known, now = random.Random(seed), [], 1.0
    for step in range(300):
        now += chance.choice([0, 0, 1, 5])
        done = chance.choice(["send", "delay", "hide", "remove", "take"])
        if done in ("send", "delay"):
            known.append(sent(messages, str(step), now + 10 if done == "delay" else 0.0))
        elif done == "hide" and known:
            hidden(messages, chance.choice(known), until=now + chance.choice([0, 3, 20]))
        elif done == "remove" and known:
            messages.remove(known.pop(chance.randrange(len(known))))
        elif done == "take":
            for message in messages.take(now):
                hidden(messages, message, until=now + 5)
                break
        until = [max(message.visible_at, message.delayed_until) for message in known]
        assert messages.visible(now) == sum(moment < now for moment in until)
        assert messages.next_change(now) == min((moment for moment in until if moment >= now), default=None)
        assert list(messages) == known
    assert ready(messages, now) == [m.body for m in known if max(m.visible_at, m.delayed_until) < now]
