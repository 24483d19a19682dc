"""How moto is changed: each change guarded by the source that it was written against."""
