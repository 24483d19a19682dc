"""What Spark needs of this machine: a Java and its jars, fetched once and checked."""
