"""The function of a feed."""
