"""Brings a lake to what its checkout says: packages, stacks, datasets, settings; embedded and on AWS."""
