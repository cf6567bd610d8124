"""Prints the environment of a release for a shell to take over: `python -I -m django_selfdeploy.exports FOLDER`

Every shell of the Bourne family reads the lines alike: all but names stands in single quotes. No shell reads the .env.
"""

from __future__ import annotations

import os
import sys

from .launch import surroundings


def exports(folder: str) -> bytes:
    """Lines that export what the processes of the release in `folder` have, and the project's folder as PYTHONPATH.

    This process's own environment is lost. A file of variables that may not be read ends the process.
    """
    os.environ.clear()
    project = surroundings(os.path.realpath(folder))
    os.environ["PYTHONPATH"] = project
    return b"".join(_line(name, value) for name, value in sorted(os.environb.items()))


def _line(name: bytes, value: bytes) -> bytes:
    quoted = value.replace(b"'", b"'\\''")
    return b"export " + name + b"='" + quoted + b"'\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(exports(sys.argv[1]))
