"""The embedded AWS: moto as state and API surface, and a runtime of our own for all that acts."""

from pipeline.emulator.deferral import defer

# Before any of its modules imports moto.
defer()
