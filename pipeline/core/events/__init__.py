"""What arrives from outside: bytes in, dataclasses out. One module an event source."""
