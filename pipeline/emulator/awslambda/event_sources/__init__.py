"""Event source mappings: queues and streams polled for functions."""
