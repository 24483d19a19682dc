"""The embedded AWS's HTTP server: who is let in, which calls are honoured, and how refusals read."""
