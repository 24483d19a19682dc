"""Step Functions: state machines and executions."""
