"""What Spark needs on this machine: a Java and jars, which are downloaded once and verified."""
