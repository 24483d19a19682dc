"""CloudWatch Logs: groups and streams."""
