"""Files made smaller without another meaning: CSS, JavaScript, images, by the tools that are there."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

TIME_LIMIT = 120.0
"""Seconds that a tool may take for one file."""

Make = Callable[[Path], bytes]


@dataclass(frozen=True)
class Tool:
    """`version` is part of what a result depends on; `make` gives the new bytes of a file, or raises."""

    name: str
    version: str
    make: Make


_escaped_url = re.compile(rb"url\([^)\"']*\\")
"""A URL without quotes and with a backslash: Django's storages would look for a file with that backslash."""


def tools(*, minify: bool, images: bool, svg: bool, beside: str = "") -> dict[str, Tool]:
    """The tool for each ending of a file name. `beside` is a folder of programs to look in first."""
    found: dict[str, Tool | None] = {}
    if minify:
        found.update(_minifiers(beside))
    if images:
        jpeg = _program("jpegtran", ("-copy", "all", "-optimize", "-outfile", "{to}", "{file}"))
        found[".png"] = _program("oxipng", ("--opt", "2", "--quiet", "--out", "{to}", "{file}")) or _program(
            "optipng", ("-quiet", "-o2", "-out", "{to}", "{file}")
        )
        found.update({".jpg": jpeg, ".jpeg": jpeg})
    if svg:
        found[".svg"] = _program("svgo", ("--quiet", "--input", "{file}", "--output", "{to}"), beside)
    return {ending: tool for ending, tool in found.items() if tool is not None}


def tool_for(name: str, known: Mapping[str, Tool]) -> Tool | None:
    """The tool for a file called `name`; None for one that is minified already."""
    path = PurePosixPath(name)
    return None if ".min." in path.name or "-min." in path.name else known.get(path.suffix.lower())


def smaller(tool: Tool, path: Path) -> bytes | None:
    """What `tool` makes of the file; None where that fails or is no smaller: the file itself is served then."""
    try:
        made = tool.make(path)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if path.suffix.lower() == ".css" and _escaped_url.search(made):
        return None
    return made if 0 < len(made) < path.stat().st_size else None


def _minifiers(beside: str) -> dict[str, Tool | None]:
    """esbuild reads the whole syntax; the two packages work on the text, so they leave alone what could fool them."""
    esbuild = ("--minify", "--log-level=error", "--outfile={to}", "{file}")
    css, js = _program("esbuild", esbuild, beside), _program("esbuild", esbuild, beside)
    return {
        ".css": css or _package("rcssmin", "cssmin", plain_css),
        ".js": js or _package("rjsmin", "jsmin", plain_js),
    }


def _package(name: str, function: str, is_plain: Callable[[str], bool]) -> Tool | None:
    try:
        minify = getattr(importlib.import_module(name), function)
    except ImportError:
        return None

    def make(path: Path) -> bytes:
        text = path.read_text(encoding="utf-8")
        if not is_plain(text):
            raise ValueError(f"{name} could change the meaning of {path.name!r}.")
        return str(minify(text, keep_bang_comments=True)).encode()

    return Tool(name, importlib.metadata.version(name), make)


_comment = re.compile(r"/\*.*?\*/", re.DOTALL)
_css_token = re.compile(r"""@[\w-]+|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]""", re.DOTALL)
GROUPS = {"@media", "@supports", "@layer", "@container", "@document", "@scope", "@starting-style"}
"""At-rules whose block holds rules, as a style sheet does (CSS Conditional Rules, CSS Cascade)."""
GROUPS |= {"@keyframes", "@-webkit-keyframes", "@-moz-keyframes", "@page", "@font-feature-values"}


def plain_css(text: str) -> bool:
    """Whether no rule is nested in another, and no quoted URL has blanks around: rcssmin takes blanks out there."""
    text = _comment.sub("", text)
    if re.search(r"url\(\s+[\"']|[\"']\s+\)", text):
        return False
    blocks: list[bool] = []  # whether each block that is open may hold rules
    group = False
    for found in _css_token.findall(text):
        if found == "{" and blocks and not blocks[-1]:
            return False
        if found == "{":
            blocks.append(group)
        if found == "}" and blocks:
            blocks.pop()
        if found in ("{", "}", ";") or found[0] == "@":
            group = found.lower() in GROUPS
    return True


def plain_js(text: str) -> bool:
    """Whether it has no template literal: rjsmin does not follow what is nested in one."""
    return "`" not in text


def _program(name: str, words: tuple[str, ...], beside: str = "") -> Tool | None:
    """A tool that is a program on this host: {file} and {to} in its words stand for the file and its new form."""
    path = (shutil.which(name, path=beside) if beside else None) or shutil.which(name)
    if path is None:
        return None

    def make(file: Path) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            to = Path(folder, f"made{file.suffix}")
            filled = tuple(word.format(file=file, to=to) for word in words)
            subprocess.run((path, *filled), check=True, capture_output=True, timeout=TIME_LIMIT)
            return to.read_bytes()

    stat = Path(path).resolve().stat()
    return Tool(name, f"{stat.st_size}-{stat.st_mtime_ns}-{' '.join(words)}", make)
