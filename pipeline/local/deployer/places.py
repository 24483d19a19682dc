"""Where in a template something stands, for errors that a person can act on."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import BadDefinition


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and the way to a value in it: `Resources`, a logical id and a property path, or another section."""

    file: str
    steps: tuple[str, ...] = ()

    def __truediv__(self, step: str | int) -> Place:
        return Place(self.file, (*self.steps, f"[{step}]" if isinstance(step, int) else step))

    def __str__(self) -> str:
        steps = self.steps[1:] if self.steps[:1] == ("Resources",) else self.steps
        return f"{self.file}: {'.'.join(steps).replace('.[', '[')}"

    def wrong(self, message: str, *, hint: str | None = None) -> BadDefinition:
        """The error to raise for what stands here."""
        return BadDefinition(f"{self}: {message}", hint=hint)
