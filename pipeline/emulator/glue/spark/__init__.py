"""The warm JVM that Glue jobs run on."""
