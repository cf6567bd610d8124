"""The runner as files: what is left on a host so that it can help itself."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

MAIN = "import sys\n\nfrom core.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n"


@lru_cache(maxsize=1)
def runner_files() -> tuple[tuple[str, str], ...]:
    """Pairs (relative path, text): the package `core` and a `__main__.py` that starts it, sorted by path."""
    package = Path(__file__).parent / "core"
    sources = sorted(package.rglob("*.py"))
    files = [(f"core/{path.relative_to(package).as_posix()}", path.read_text(encoding="utf-8")) for path in sources]
    return (("__main__.py", MAIN), *files)
