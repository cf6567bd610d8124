"""The one program that an ordinary user's deployment runs as root: it hands the site's file to the machine's nginx.

`deploy_setup` installs a copy that belongs to root, with the site's limits in its last line; sudo lets the user who
deploys run exactly that. The file comes by standard input, so no path of the user's is ever opened as root. nginx
reads its configuration as root: a file that names a log, a module, a certificate or another file could write, run or
read anything. So nothing passes but the directives that the generated file is made of, with arguments as there.

It needs the standard library alone, and imports nothing of this package.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

LONGEST = 200_000
"""Bytes; a generated file with a thousand server names has a quarter of it."""

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

_token = re.compile(
    r"""[ \t\r\n]+|\#[^\n]*(?:\n|\Z)                         # between the words
    |(?P<mark>[;{}])
    |(?P<quoted>"(?:[^"\\\x00-\x1f\x7f]|\\["\\])*")(?=[ \t\r\n;{])
    |(?P<bare>(?:[A-Za-z0-9_./:@%+,=*~^$?!()|\[\]-]|\\\.)+)(?<!\$)(?=[ \t\r\n;{])""",
    re.VERBOSE,
)
"""A part of nginx's lexical rules in which a word can be read in one way only."""


class Refused(Exception):
    """The file is not one that a deployment generates, or nginx does not take it; the text says why."""


@dataclass(frozen=True)
class Site:
    """What the file of the site may be about: `listen` are the addresses, `include` the folder of nginx's."""

    app: str
    root: str
    listen: tuple[str, ...]
    include: str

    @property
    def path(self) -> str:
        return f"{self.include}/{self.app}.conf"

    @property
    def prefix(self) -> str:
        """What names of the http context begin with, so that sites do not meet."""
        return self.app.replace("-", "_")


@dataclass(frozen=True)
class Directive:
    """One directive; `block` is None where it has none."""

    words: tuple[str, ...]
    block: tuple[Directive, ...] | None = None


def main(argv: list[str], given: BinaryIO, site: Site) -> int:
    """`install` takes the file from `given`, `remove` takes it away; nginx has reloaded on return."""
    os.umask(0o022)
    os.chdir("/")
    try:
        if argv == ["install"]:
            _install(given.read(LONGEST + 1), site)
        elif argv == ["remove"]:
            _remove(site)
        else:
            raise Refused("The words are `install` or `remove`.")
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is what the deployment tells
        return 1
    return 0


def judge(data: bytes, site: Site) -> None:
    """Raise Refused for what is not the file of this site, as a deployment generates it."""
    if len(data) > LONGEST:
        raise Refused(f"The file has more than {LONGEST} bytes.")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise Refused("The file holds other characters than those of ASCII.") from error
    rules = _Rules(site)
    for directive in _directives(_words(text), inner=False):
        rules.expect("http", directive)


# nginx's syntax


def _words(text: str) -> Iterator[str]:
    """The words and the marks ; { }. A word is preceded by a quotation mark, so that no word looks like a mark."""
    place = 0
    while place < len(text):
        found = _token.match(text, place)
        if found is None:
            line = text.count("\n", 0, place) + 1
            raise Refused(f"Line {line} of the file cannot be read.")
        place = found.end()
        if found["mark"]:
            yield found["mark"]
        elif found["quoted"]:
            yield '"' + re.sub(r"\\(.)", r"\1", found["quoted"][1:-1])
        elif found["bare"]:
            yield f'"{found["bare"]}'


def _directives(words: Iterator[str], *, inner: bool) -> tuple[Directive, ...]:
    found: list[Directive] = []
    read: list[str] = []
    for word in words:
        if word.startswith('"'):
            read.append(word[1:])
        elif word == "}" and inner and not read:
            return tuple(found)
        elif word != "}" and read:
            found.append(Directive(tuple(read), _directives(words, inner=True) if word == "{" else None))
            read = []
        else:
            raise Refused(f"A {word!r} is not where it may be.")
    if inner or read:
        raise Refused("The file ends in the middle.")
    return tuple(found)


# what may be said

Rule = Callable[[tuple[str, ...]], bool]

_number = re.compile(r"[0-9]+[a-z]?\Z")
_header = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_name = re.compile(r"(~\.|_|\[[0-9a-f:]+\]|\.?[a-z0-9_][a-z0-9._-]*)?\Z")
_place = re.compile(r"(/|@[a-z0-9_]+)\Z")
_dotted = (r"/\.(?!well-known/)", r"/\.")

LITERAL: dict[str, tuple[tuple[str, ...], ...]] = {
    "access_log": (("off",),),
    "server_tokens": (("off",),),
    "return": (("204",), ("404",), ("444",), ("503",), ("302", "/")),
    "internal": ((),),
    "default_type": (("text/html",),),
    "error_page": (("503", "/selfdeploy-closed"),),
    "real_ip_header": (("X-Forwarded-For",),),
    "real_ip_recursive": (("on",),),
    "proxy_http_version": (("1.1",),),
    "proxy_redirect": (("off",),),
    "proxy_next_upstream": (("error", "timeout"),),
}
"""Directives with all the arguments that they may have."""

SIZES = (
    *("client_max_body_size", "client_header_timeout", "client_body_timeout", "send_timeout", "keepalive_timeout"),
    *("proxy_connect_timeout", "proxy_read_timeout", "proxy_send_timeout"),
    *("proxy_next_upstream_tries", "proxy_next_upstream_timeout"),
)
"""Directives whose one argument is a size or a time."""

HEADERS = (
    *("X-Selfdeploy-Front", "X-Content-Type-Options", "Content-Security-Policy"),
    *("X-Selfdeploy-Closed", "Retry-After", "Cache-Control"),
)
SHARED = ("access_log", "server_tokens", "return", "add_header")
CONTEXTS: dict[str, tuple[str, ...]] = {
    "http": ("upstream", "map", "geo", "server"),
    "upstream": ("server",),
    "server": (
        *(*SHARED, "listen", "server_name", "location", "set_real_ip_from", "real_ip_header", "real_ip_recursive"),
        *("set", "if", *SIZES[:5]),
    ),
    "if": ("set", "return"),
    "location": (
        *(*SHARED, "root", "alias", "try_files", "disable_symlinks", "location", "proxy_pass", "proxy_set_header"),
        *("proxy_http_version", "proxy_redirect", "proxy_next_upstream", *SIZES[5:]),
        *("if", "internal", "default_type", "error_page"),
    ),
}
"""What may stand where."""

MAPPED = ("", "0", "1", "none", "upgrade", "https", "$scheme", "$http_x_selfdeploy_probe")
MAP_KEYS = ("", "default", "1https")
"""Keys besides networks. `include`, above all, is none: nginx would read that file as root."""

PASSED = ("~^[0-9a-f]{32}$", "$cookie_selfdeploy_pass")
"""What a visitor sends becomes part of a path in this form only."""


class _Rules:
    """The rules of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rules: dict[tuple[str, str], Rule] = {
            ("http", "upstream"): lambda args: args == (f"{site.prefix}_app",),
            ("http", "map"): self._is_map,
            ("http", "geo"): self._is_map,
            ("http", "server"): lambda args: args == (),
            ("upstream", "server"): self._is_socket,
            ("server", "listen"): lambda args: len(args) == 1 and args[0] in site.listen,
            ("server", "server_name"): lambda args: bool(args) and all(map(_name.match, args)),
            ("server", "set_real_ip_from"): lambda args: len(args) == 1 and _is_network(args[0]),
            ("server", "set"): self._is_closed,
            ("if", "set"): self._is_closed,
            ("server", "if"): lambda args: args in self._asked,
            ("location", "if"): lambda args: args in self._asked,
            ("location", "root"): self._is_below,
            ("location", "alias"): self._is_below,
            ("location", "try_files"): lambda args: all(a in ("$uri", "=404") or _place.match(a) for a in args),
            ("location", "disable_symlinks"): lambda args: args in _guards(site),
            ("location", "proxy_pass"): lambda args: args == (f"http://{site.prefix}_app",),
            ("location", "proxy_set_header"): lambda args: len(args) == 2 and bool(_header.match(args[0])),
        }

    def expect(self, context: str, directive: Directive) -> None:
        """Raise Refused unless the directive, and all within it, may stand in the context."""
        name, *rest = directive.words
        if name not in CONTEXTS[context] or not self._fits(context, name, tuple(rest)):
            said = " ".join(directive.words)[:100]
            raise Refused(f"The directive {said!r} is none that is generated for this site.")
        inner = "" if context == "upstream" else name if name in (*CONTEXTS, "map", "geo") else ""
        if bool(inner) != (directive.block is not None):
            raise Refused(f"The directive {name!r} has a block where there is none, or none where there is one.")
        if inner in ("map", "geo"):
            self._expect_map(directive.block or ())
            return
        for one in directive.block or ():
            self.expect(inner, one)
        if inner == "location":
            _expect_guarded(directive)

    def _fits(self, context: str, name: str, args: tuple[str, ...]) -> bool:
        if (context, name) in self._rules:
            return self._rules[context, name](args)
        if name in LITERAL:
            return args in LITERAL[name]
        if name in SIZES:
            return len(args) == 1 and bool(_number.match(args[0]))
        if name == "add_header" and args == ("Set-Cookie", self._cookie):
            return True
        if name == "add_header":
            return len(args) > 1 and args[0] in HEADERS and args[2:] in ((), ("always",)) and "$" not in args[1]
        return name == "location" and self._is_location(args)

    def _is_location(self, args: tuple[str, ...]) -> bool:
        passing = f"^/selfdeploy-pass/(?<{self._site.prefix}_key>[0-9a-f]{{32}})$"
        return args in (("=", "/selfdeploy-closed"), ("~", passing)) or _is_location(args)

    @property
    def _asked(self) -> tuple[tuple[str, ...], ...]:
        """The conditions: whether the site is closed, and for whom not. The files are looked for, not read."""
        prefix, window = self._site.prefix, f"{self._site.root}/window"
        return (
            ("(-f", f"{window}/closed)"),
            ("(-f", f"{window}/${prefix}_pass)"),
            ("(!-f", f"{window}/${prefix}_key)"),
            (f"(${prefix}_closed)",),
        )

    @property
    def _cookie(self) -> str:
        return f"selfdeploy_pass=${self._site.prefix}_key; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400"

    def _is_closed(self, args: tuple[str, ...]) -> bool:
        return args[:1] == (f"${self._site.prefix}_closed",) and args[1:] in (("",), ("1",))

    def _is_map(self, args: tuple[str, ...]) -> bool:
        return len(args) == 2 and bool(re.match(rf"\$({re.escape(self._site.prefix)})_[a-z]+\Z", args[1]))

    def _expect_map(self, block: tuple[Directive, ...]) -> None:
        for one in block:
            key, *values = one.words
            if one.block is None and (key, *values) == PASSED:
                continue
            known = key in MAP_KEYS or _is_network(key)
            if one.block is not None or not known or len(values) != 1 or values[0] not in MAPPED:
                raise Refused(f"The line {' '.join(one.words)[:100]!r} is none that is generated for this site.")

    def _is_socket(self, args: tuple[str, ...]) -> bool:
        socket = f"unix:{self._site.root}/current/app.sock"
        return args[:1] == (socket,) and set(args[1:]) <= {"max_fails=0", "backup"}

    def _is_below(self, args: tuple[str, ...]) -> bool:
        return len(args) == 1 and args[0].startswith(f"{self._site.root}/") and not _climbs(args[0])


def _is_location(args: tuple[str, ...]) -> bool:
    if args[:1] == ("~",):
        return args[1:] in tuple((text,) for text in _dotted)
    if args[:1] == ("^~",):
        return len(args) == 2 and args[1].startswith("/") and not _climbs(args[1])
    return len(args) == 1 and bool(_place.match(args[0]))


def _climbs(path: str) -> bool:
    """Whether a path leads elsewhere than it says: by `..`, or by a variable."""
    return ".." in path or "$" in path


def _guards(site: Site) -> tuple[tuple[str, str], ...]:
    """From the root on: what is above it is not the user's, and what is below may be a link at any time."""
    return tuple((how, f"from={site.root}/") for how in ("on", "if_not_owner"))


def _expect_guarded(location: Directive) -> None:
    """Files are served only where links to files of others are not followed: nginx may read more than the user."""
    names = {one.words[0] for one in location.block or ()}
    if names & {"root", "alias"} and "disable_symlinks" not in names:
        raise Refused("A location serves files and does not disable symbolic links.")


def _is_network(text: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_network(text, strict=False))
    return False


# nginx itself


def _install(data: bytes, site: Site) -> None:
    judge(data, site)
    with _alone(site):
        before = _read(site.path)
        _put(site.path, data)
        try:
            said = _nginx("-t")
            _expect_no_conflict(said, data)
            _nginx("-s", "reload")
        except Refused:
            _put(site.path, before)
            raise


def _remove(site: Site) -> None:
    with _alone(site):
        if os.path.lexists(site.path):
            _put(site.path, None)
            _nginx("-s", "reload")


@contextmanager
def _alone(site: Site) -> Iterator[None]:
    """No other site's file is tested meanwhile."""
    handle = os.open(site.include, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: str) -> bytes | None:
    with suppress(FileNotFoundError), open(path, "rb") as file:
        return file.read()
    return None


def _put(path: str, data: bytes | None) -> None:
    """Write the file in one rename; `None` takes it away."""
    if data is None:
        os.unlink(path)
        return
    trial = f"{path}.new"
    handle = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with open(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(trial, path)


def _nginx(*words: str) -> str:
    """What nginx says. Raises Refused where it fails."""
    program = shutil.which("nginx", path=PATH)
    if program is None:
        raise Refused("There is no nginx on this machine.")
    done = subprocess.run(
        (program, *words), capture_output=True, text=True, stdin=subprocess.DEVNULL, env={"PATH": PATH, "LC_ALL": "C"}
    )
    if done.returncode != 0:
        raise Refused(f"`nginx {' '.join(words)}` ended with status {done.returncode}.\n{done.stderr.strip()}")
    return done.stderr


def _expect_no_conflict(said: str, data: bytes) -> None:
    """nginx only warns of a name that two sites have, and one of them gets no visitor."""
    for name in re.findall(r'conflicting server name "([^"]+)"', said):
        if name.encode() in data:
            raise Refused(f"Another site of this machine has the server name {name!r}.")
