"""Runs the command of its arguments: started by `processes.start_python`, it ends when the tests do."""

import subprocess
import sys

if __name__ == "__main__":
    raise SystemExit(subprocess.call(sys.argv[1:]))
