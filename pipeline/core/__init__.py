"""What functions, jobs and tools of Sluice share: errors, clients, settings, events, logs. No flow is known here."""
