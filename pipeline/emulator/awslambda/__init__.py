"""Lambda: functions run in processes of their own, invoked and fed as on AWS."""
