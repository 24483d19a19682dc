"""The web console: what the lake does, and why, on pages of this machine alone."""
