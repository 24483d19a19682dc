"""Every change to moto, and nothing else. Each refuses a moto whose source is not the one that it was made for."""
