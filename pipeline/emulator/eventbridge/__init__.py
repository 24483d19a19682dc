"""EventBridge: rules, schedules and their targets."""
