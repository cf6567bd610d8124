"""What runs on a host: `serve` for a controller, and for people `status`, `rollback`, `unlock`, `start`, `stop`."""

from __future__ import annotations

import sys
from typing import BinaryIO, TextIO, cast


def main(argv: list[str], before: bytes = b"") -> int:
    """Do what `argv` asks for; the exit code. `before` is what a bootstrap has read of the standard input already.

    `serve NONCE [SECONDS]`: a controller that is silent for that long is gone.
    """
    if argv[:1] == ["serve"]:
        from . import records, runner
        from .streams import Inlet, Murmur, Outlet

        records.load()
        sys.stderr = cast("TextIO", Murmur(2))
        outlet = Outlet(1)
        inlet = Inlet(0, silence=float((*argv, "0")[2]), before=before, at_end=outlet.give_up)
        runner.serve(argv[1], inlet.buffered(), cast("BinaryIO", outlet))
        outlet.drain()
        return 0
    from . import hand

    return hand.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
