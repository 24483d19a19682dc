"""What every function, job and tool of Sluice shares: errors, clients, settings, events, logs. No flow is known here."""
