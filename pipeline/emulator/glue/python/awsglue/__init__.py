"""What a plain Spark job needs of Glue's own package, for jobs that run locally: `awsglue.utils`, and no more.

On Glue the real package takes its place. The rest of it is a layer over Spark that needs Glue's own jars.
"""


def refuse(module: str) -> None:
    """Fail the import of a part that only Glue has, saying what to use instead."""
    raise ImportError(
        f"{module} exists only on Glue: use SparkSession.builder.getOrCreate() and Spark's own readers and writers, "
        "which run the same on Glue and here"
    )
