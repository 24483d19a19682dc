"""Every change to moto, and nothing else. Each is guarded: it refuses a moto whose source is not the one it was made for."""
