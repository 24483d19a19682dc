"""The functions of the flow that sends log events to an endpoint."""
