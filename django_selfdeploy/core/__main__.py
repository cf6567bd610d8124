"""What runs on a host: `serve` for a controller, and for people `status`, `rollback`, `unlock`, `start`, `stop`."""

from __future__ import annotations

import sys


def main(argv: list[str]) -> int:
    """Do what `argv` asks for; the exit code."""
    if argv[:1] == ["serve"]:
        from . import records, runner

        records.load()
        runner.serve(argv[1], sys.stdin.buffer, sys.stdout.buffer)
        return 0
    from . import hand

    return hand.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
