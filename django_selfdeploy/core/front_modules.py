"""Which optional modules the machine's nginx has, as `nginx -V` tells them."""

from __future__ import annotations

import os
import shlex
import subprocess

WANTED = {"gzip_static": "gzip_static", "brotli_static": "brotli"}
"""Modules by the directive that they bring, and a word of the configure argument that compiles each in."""


def find(program: str) -> dict[str, str]:
    """The modules of the nginx at `program`: "" for one that is compiled in, else the file to load it from."""
    try:
        done = subprocess.run((program, "-V"), capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return of(done.stderr)


def of(told: str) -> dict[str, str]:
    """The same from the text that `nginx -V` wrote."""
    _, _, arguments = told.partition("configure arguments:")
    words = shlex.split(arguments)
    folder = next((word.partition("=")[2] for word in words if word.startswith("--modules-path=")), "")
    compiled = [word for word in words if word.startswith(("--with-", "--add-module="))]
    found = {}
    for module, mark in WANTED.items():
        path = os.path.join(folder, f"ngx_http_{module}_module.so")
        if any(mark in word and not word.endswith("=dynamic") for word in compiled):
            found[module] = ""
        elif folder and os.path.exists(path):
            found[module] = path
    return found
