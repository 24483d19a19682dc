"""What people see of a lake, for the command line and the console: gathered here, printed nowhere."""
