"""State machines without AWS: histories, test cases, what they cover, comparisons. Pure."""
