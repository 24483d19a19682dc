"""What the models of all definitions have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A part of a definition: frozen, and with no field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
