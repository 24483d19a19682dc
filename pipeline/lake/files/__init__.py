"""A raw file into a staged one: how it is written, its readers, what its values mean. Nothing here calls AWS."""
