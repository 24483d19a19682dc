"""RDS: a real PostgreSQL of the lake's own, from a package of PyPI."""
