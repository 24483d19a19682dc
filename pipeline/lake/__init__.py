"""The main flow: datasets, the object catalog, batches, quality rules and tables. What runs it is in `stages`."""
