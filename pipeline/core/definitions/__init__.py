"""Definition files: YAML that people write, validated, with errors that name file, line and field."""
