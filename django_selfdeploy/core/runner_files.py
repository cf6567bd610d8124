"""The runner as files: the same on the controller, which sends them, and on a host, where they are run."""

from __future__ import annotations

import os
from functools import lru_cache

MAIN = "import sys\n\nfrom core.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n"


@lru_cache(maxsize=1)
def runner_files() -> tuple[tuple[str, str], ...]:
    """Pairs (relative path, text): the package `core` and a `__main__.py` that starts it, sorted by path.

    Raises FileNotFoundError when somebody has removed them since the runner was started.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    found = [os.path.join(folder, name) for folder, _, names in os.walk(package) for name in names]
    sources = sorted(path for path in found if path.endswith(".py"))
    if not sources:
        raise FileNotFoundError(f"The runner's own files are gone from {package!r}.")
    return (("__main__.py", MAIN), *((f"core/{os.path.relpath(path, package)}", _text(path)) for path in sources))


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
