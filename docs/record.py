"""Makes a picture of commands as they really run: `python docs/record.py PICTURE COMMAND...`

Each command is carried out by a shell in the current folder, and its output is drawn below it with the colours that it
has. The commands of this package get --force-color, which is not drawn: they write to a pipe here.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 104
COLOURED = "manage.py deploy"


def main(picture: str, commands: list[str]) -> int:
    """Write the picture; the exit code of the last command."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    code = 0
    for command in commands:
        console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
        run = f"{command} --force-color" if COLOURED in command else command
        done = subprocess.run(run, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        code = done.returncode
        for line in done.stdout.splitlines():
            console.print(Text.from_ansi(line))
    Path(picture).write_text(console.export_svg(title="mysite"), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
