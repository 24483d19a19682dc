"""Transforms of a team's own: what they are held to, and how they run, in a Glue job and where they are tested."""
