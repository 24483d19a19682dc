"""Which log groups are to have a subscription filter, and what has to be changed for it. No AWS here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

FILTERS_A_GROUP = 2
"""Subscription filters of one log group (AWS quota)."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A subscription filter of a log group."""

    name: str
    destination: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A log group and its filters."""

    name: str
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Groups that get the filter, filters that go (by group and name), and groups that have no room for another."""

    put: tuple[str, ...]
    remove: tuple[tuple[str, str], ...]
    full: tuple[str, ...]


def plan(groups: Iterable[Group], wanted: Filter, *, is_on: bool, own: Collection[str]) -> Plan:
    """What makes every group have `wanted`, where forwarding is on, and none that goes to its function, where not.

    The groups of forwarding itself, `own`, never have one, whoever made it: each event would make another.
    """
    put: list[str] = []
    remove: list[tuple[str, str]] = []
    full: list[str] = []
    for group in groups:
        mine = [each for each in group.filters if each.name == wanted.name or each.destination == wanted.destination]
        if not is_on or group.name in own:
            remove += [(group.name, each.name) for each in mine]
            continue
        remove += [(group.name, each.name) for each in mine if each.name != wanted.name]
        if wanted in group.filters:
            continue
        if len([each for each in group.filters if each not in mine]) < FILTERS_A_GROUP:
            put.append(group.name)
        else:
            full.append(group.name)
    return Plan(tuple(put), tuple(remove), tuple(full))
