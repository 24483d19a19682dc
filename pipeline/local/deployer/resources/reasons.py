"""Why a property has no effect on the embedded AWS, in the words that `sluice up` prints."""

ENCRYPTION = "keys are recorded; nothing is encrypted on this machine"
IAM = "policies are recorded; permissions are not enforced"
EXPIRY = "recorded; nothing expires in a throwaway lake"
ALARMS = "alarms and dashboards are not made"
TRACING = "no traces are recorded"
BACKUP = "recorded; a throwaway lake has no backups"
CAPACITY = "runs take this machine's capacity"
