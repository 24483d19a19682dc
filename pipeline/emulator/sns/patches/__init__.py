"""Changes to moto's code for this service."""
