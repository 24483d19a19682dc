"""The oracle: what raw files say, and what must become of it. No code of Sluice's."""
