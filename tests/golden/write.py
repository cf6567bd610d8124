"""Writes the golden files anew, for a look at the difference: `python tests/golden/write.py [--check]`.

With --check nothing is written, and the exit status tells whether they are as they should be.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")


def kept() -> dict[str, str]:
    """The golden files that are there, by path."""
    paths = [path for path in HERE.rglob("*") if path.suffix in (".json", ".txt")]
    return {path.relative_to(HERE).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def main(words: list[str]) -> int:
    import django

    django.setup()
    from tests.golden import cases

    made = cases.golden()
    differing = cases.difference(made, kept())
    for path in differing:
        print(f"tests/golden/{path}")
        if "--check" not in words:
            _put(HERE / path, made.get(path))
    return 1 if differing and "--check" in words else 0


def _put(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
