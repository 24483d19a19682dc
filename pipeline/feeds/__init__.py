"""Feeds: what a DynamoDB table's stream says becomes pseudonymised rows of a PostgreSQL table."""
