"""The flow that sends the lake's log events to an HTTPS endpoint."""
