"""Changes to the parts of moto that all services share."""
