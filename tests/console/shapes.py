"""State machines in one line each: their shape without their text.

`a>b` goes on to b, `a.` ends, `a?b?c>d` chooses between b and c and otherwise d, `a!h` catches errors in h, and
`a{…|…}` has the machines between the braces inside. The first state is the one that a machine starts at.
"""

from __future__ import annotations

import re
from typing import Any

WORDS = [
    "Check",
    "the",
    "order",
    "before",
    "its",
    "payment",
    "is",
    "collected",
    "from",
    "whoever",
    "has",
    "placed",
    "it",
    "yesterday",
]
_TOKEN = re.compile(r"[\w-]+|[>.?!{}|\s]")


def machine(shape: str) -> dict[str, Any]:
    """The definition of a shape; states have names and rules of every length."""
    tokens = _TOKEN.findall(shape)
    made = _machine(tokens)
    assert not tokens, shape
    return made


def _machine(tokens: list[str]) -> dict[str, Any]:
    states: dict[str, Any] = {}
    while tokens and tokens[0] not in "|}":
        if tokens[0].isspace():
            tokens.pop(0)
            continue
        name = named(tokens.pop(0))
        states[name] = _state(tokens)
    return {"StartAt": next(iter(states)), "States": states}


def _state(tokens: list[str]) -> dict[str, Any]:
    state: dict[str, Any] = {"Type": "Task"}
    while tokens and not tokens[0].isspace() and tokens[0] not in "|}":
        sign = tokens.pop(0)
        if sign == ".":
            state["End"] = True
        elif sign == "{":
            branches = [_machine(tokens)]
            while tokens.pop(0) == "|":
                branches.append(_machine(tokens))
            inside = {"Type": "Map", "ItemProcessor": branches[0]}
            state |= inside if len(branches) == 1 else {"Type": "Parallel", "Branches": branches}
        else:
            _lead(state, sign, named(tokens.pop(0)))
    if state["Type"] == "Choice" and "Next" in state:
        state["Default"] = state.pop("Next")
    return state


def _lead(state: dict[str, Any], sign: str, target: str) -> None:
    if sign == ">":
        state["Next"] = target
    elif sign == "?":
        rules = state.setdefault("Choices", [])
        rule = {"Variable": f"$.{target.replace(' ', '')[:20]}.status", "StringEquals": target[:18], "Next": target}
        rules.append({"And": [rule, rule], "Next": target} if len(rules) == 2 else rule)
        state["Type"] = "Choice"
    else:
        names = ["States.ALL"] if len(target) % 2 else ["States.Timeout", "Orders.PaymentWasDeclinedException"]
        state.setdefault("Catch", []).append({"ErrorEquals": names, "Next": target})


def named(letter: str) -> str:
    """A name for the state of this letter: from two characters to sixty."""
    seed = sum(ord(each) * 31**place for place, each in enumerate(letter))
    words = [WORDS[(seed + 5 * n) % len(WORDS)] for n in range(1 + seed % 6)]
    return f"{letter} {''.join(w.capitalize() for w in words) if seed % 4 == 0 else ' '.join(words)}"
