"""The ways in which what a source held before its stream was read comes into the target, and the proof that it did."""
