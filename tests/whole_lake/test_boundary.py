"""Every role of the lake has a boundary of its environment, which takes nothing from what the role is given."""

from __future__ import annotations

from .conftest import RunningLake
from .roles import beyond_boundaries, granted

CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}


def test_the_boundary_of_an_environment_holds_all_that_its_roles_are_given(lake: RunningLake) -> None:
    lake.define(CSV)
    assert beyond_boundaries(lake.connected.env, granted()) == []
