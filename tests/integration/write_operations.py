"""Writes the table of operations of the reference anew: `python tests/integration/write_operations.py [--check]`.

It starts PostgreSQL and MariaDB. With --check nothing is written, and the exit status tells whether it is right.
"""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]


def main(words: list[str]) -> int:
    if "--check" not in words:
        os.environ["SELFDEPLOY_WRITE_OPERATIONS"] = "1"
    tests = "tests/integration/test_operations_on_databases.py"
    return subprocess.run((sys.executable, "-m", "pytest", "-q", tests), cwd=TOP).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
