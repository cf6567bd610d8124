"""One line of a requirements file, and what it names (pip's documentation, "Requirement Specifiers")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Named:
    """The package that a line requires, as it is spelt there, and the URL or path it comes from; "" for neither."""

    name: str
    place: str


def parsed(line: str) -> Named:
    """What a requirement, or an option in its stead, names."""
    editable, links = _EDITABLE.fullmatch(line), _FIND_LINKS.fullmatch(line)
    if links:
        return Named("", links["place"])
    if line.startswith("-") and not editable:
        return Named("", "")
    line = re.split(r"\s+;|\s+--|;\s", editable["place"] if editable else line)[0].strip("\"' ")
    found = _NAMED.fullmatch(line)
    if found and (found["place"] or not (editable or line.endswith(_ARCHIVES))):
        return Named(found["name"], found["place"] or "")
    return Named(_name_in(line), line)


def finds_links(line: str) -> bool:
    """Whether that is the option for a folder of archives, which need not be there."""
    return bool(_FIND_LINKS.fullmatch(line))


def local_path(url: str) -> Path:
    """The path of a file: URL, or the path itself."""
    return Path(unquote(urlsplit(url).path))


def _name_in(place: str) -> str:
    """The package's name as far as a URL or path tells it: by #egg=, else by its last part."""
    egg = re.search(r"[#&]egg=([\w.-]+)", place)
    if egg:
        return egg[1]
    last = re.split(r"[#?\[]", place)[0].rstrip("/").rpartition("/")[2]
    return re.sub(r"(@.*|\.git|-\d.*)+$", "", last)


_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_EDITABLE = re.compile(r"(?:-e\s*|--editable[\s=]\s*)(?P<place>\S.*)")
_FIND_LINKS = re.compile(r"(?:-f\s*|--find-links[\s=]\s*)(?P<place>\S.*)")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*(?:@\s*(?P<place>\S.*)|[(<>=!~;].*)?")
