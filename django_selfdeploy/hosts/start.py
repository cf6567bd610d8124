"""The command that starts a runner on a host, for a login shell of any kind."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import re
import sys
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..core.errors import ConfigError
from ..core.runner_files import runner_files
from ..core.wire import NO_PYTHON, NO_RIGHT

OLDEST = (3, 10)
"""The oldest Python that a runner runs on."""

UNFIT = 96
"""Exit status of a Python that is too old; 126 and 127 are a shell's for what cannot be run (POSIX, 2.8.2)."""

FIRST = f"import sys;sys.version_info<{OLDEST} and sys.exit({UNFIT});".replace(" (", "(").replace(", ", ",")
BEGIN = f"{FIRST}import base64,zlib;exec(zlib.decompress(base64.b64decode(sys.argv[1])))"
"""No quote of either kind, no dollar and no backslash: it stands in double quotes, and those in single ones."""

NAMED = re.compile(r"[A-Za-z0-9_.+/-]+")
"""What may name an interpreter: anything else would need quoting in every shell there is."""


@dataclass(frozen=True)
class Shipped:
    """The runner as it travels: the name of its folder, the bytes of its files there, and what is sent."""

    name: str
    size: int
    data: bytes


@lru_cache(maxsize=1)
def shipped() -> Shipped:
    """The runner that is installed here."""
    files = runner_files()
    text = json.dumps(files).encode()
    size = sum(len(content.encode()) for _, content in files)
    return Shipped(f"runner-{hashlib.sha256(text).hexdigest()[:16]}", size, zlib.compress(text, 9))


@lru_cache(maxsize=1)
def _bootstrap() -> str:
    """bootstrap.py without its remarks, as base64 text."""
    tree = ast.parse((Path(__file__).parent / "bootstrap.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Module)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return base64.b64encode(zlib.compress(ast.unparse(tree).encode(), 9)).decode()


def command(nonce: str, *, python: str = "", root: str = "", silence: float, become: bool = False) -> str:
    """What a host is to run. `python` is an interpreter there, "" stands for the best one; `become` is root's.

    A root that needs quoting is left out: it is but one of the places for the runner. Raises ConfigError for an
    interpreter that does.
    """
    if python and not NAMED.fullmatch(python):
        raise ConfigError(
            f"PYTHON is {python!r}, which no shell takes as it is.", hint="Give a name or a path without spaces."
        )
    what = shipped()
    place = root if NAMED.fullmatch(root) else "-"
    words = (_bootstrap(), nonce, what.name, str(what.size), f"{silence:g}", place)
    script = (_becoming if become else _plain)(candidates(python), f'-I -S -c "{BEGIN}" {" ".join(words)}', nonce)
    return f"exec /bin/sh -c '{script}'"


def candidates(python: str) -> str:
    """The names under which Python is looked for: of the controller's own version first, which leaves bytecode
    that fits and has the modules that were tested.
    """
    if python:
        return python
    own = f"python3.{sys.version_info[1]}"
    return " ".join(dict.fromkeys((own, "python3", *(f"python3.{minor}" for minor in range(14, 9, -1)))))


def _plain(names: str, words: str, nonce: str) -> str:
    """The first that fits becomes the runner; a login that ends does not end it, since it leads its own session."""
    tried = 't="$t $p is $($p -V 2>&1),"'
    run = f"$p {words}; r=$?; case $r in {UNFIT}|126|127) {tried};; *) exit $r;; esac"
    return f"for p in {names}; do command -v $p >/dev/null 2>&1 || continue; {run}; done; {_none(nonce)}"


def _becoming(names: str, words: str, nonce: str) -> str:
    """First who, then as root: a password is asked for once, whatever there is of Pythons."""
    executable = f'e=$($p -I -S -c "{FIRST}print(sys.executable)" 2>/dev/null)'
    find = f'{executable} && break; t="$t $p is $($p -V 2>&1),"; e='
    loop = f"for p in {names}; do command -v $p >/dev/null 2>&1 || continue; {find}; done"
    ask = f'echo {NO_RIGHT} {nonce} $m; s="sudo -S -k -H -p {prompt(nonce)}"'
    right = f'm=$(sudo -n true 2>&1) && s="sudo -n -H" || {{ {ask}; }}'
    return (
        f'set -f; {loop}; if test -z "$e"; then {_none(nonce)}; fi; export LC_ALL=C; s=; '
        f"if test $(id -u) -ne 0; then {right}; fi; exec $s $e {words}"
    )


def prompt(nonce: str) -> str:
    """With what sudo asks for the password."""
    return f"selfdeploy-password-{nonce}:"


def _none(nonce: str) -> str:
    return f'echo "{NO_PYTHON} {nonce}$t"; exit {UNFIT}'
