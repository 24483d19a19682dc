"""The embedded AWS: moto as state and API surface, and a runtime of our own for all that acts."""
