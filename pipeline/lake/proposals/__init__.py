"""Proposes a dataset's definition from a sample file. Every guess of the lake is made here; loading guesses nothing."""
