"""State machines without AWS: histories, test cases, coverage, comparisons."""
