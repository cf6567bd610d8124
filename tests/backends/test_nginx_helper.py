"""The helper lets pass what a deployment generates, and nothing else; what nginx refuses it takes back."""

import ast
import io
import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_selfdeploy.backends import nginx_helper, nginx_needs
from django_selfdeploy.backends.hostnames import listening
from django_selfdeploy.backends.nginx_helper import Refused, Site, judge, main
from tests.golden import cases
from tests.making import LAYOUT, context, facts, host_state, target

SITE = Site("mysite", LAYOUT.root, ("8000", "[::]:8000"), "/etc/nginx/conf.d")
SYSTEM = {"FRONT": {"BACKEND": "nginx", "OPTIONS": {"scope": "system"}}}
PROXIES = {"scope": "system", "trusted_proxies": ["10.0.0.0/8", "fd00::/8"], "access_log": False}
GENERATED = cases.files(context(settings=SYSTEM))["site.conf"]


def site_conf(*, options: dict[str, object] | None = None, bind: str = "0.0.0.0", **changes: object) -> str:
    settings = {"FRONT": {"BACKEND": "nginx", "OPTIONS": options or {"scope": "system"}}, "BIND": bind}
    return cases.files(context(settings=settings, **changes))["site.conf"]


@pytest.mark.parametrize(
    ("bind", "text"),
    [
        ("0.0.0.0", site_conf()),
        ("0.0.0.0", site_conf(options=PROXIES)),
        ("0.0.0.0", site_conf(facts=facts(allowed_hosts=("*",)))),
        ("0.0.0.0", site_conf(facts=facts(allowed_hosts=(".example.com", "bücher.example", "[::1]")))),
        ("0.0.0.0", site_conf(facts=facts(serves_media=False, serves_static=False))),
        ("0.0.0.0", site_conf(facts=facts(static_url="/sta;tic/", media_url="/my media/"))),
        ("0.0.0.0", site_conf(state=host_state(ipv6=False))),
        ("127.0.0.1", site_conf(bind="127.0.0.1")),
        ("::1", site_conf(bind="::1")),
    ],
)
def test_every_generated_file_passes(bind: str, text: str) -> None:
    judge(text.encode(), Site("mysite", LAYOUT.root, listening(bind, 8000), "/etc/nginx/conf.d"))


@pytest.mark.parametrize(
    "line",
    [
        "error_log /etc/cron.d/job;",
        "load_module /srv/mysite/evil.so;",
        "include /etc/shadow;",
        'include "/etc/shadow";',
        "user root;",
        "env LD_PRELOAD=/srv/mysite/evil.so;",
        "log_format x $request;",
        "lua_package_path /srv/mysite;",
        "server { listen 22; }",
        "server { listen 8000 default_server; }",
        "server { listen unix:/run/x; }",
        "server { access_log /etc/cron.d/job; }",
        "server { ssl_certificate /srv/mysite/x; }",
        "server { root /; }",
        "server { server_name $host; }",
        "server { server_name ~^(.*)$; }",
        "server { location / { root /etc; disable_symlinks on from=/srv/mysite/; } }",
        "server { location / { root /srv/mysite/shared; } }",
        "server { location / { root /srv/mysite/shared; disable_symlinks off; } }",
        "server { location / { alias /srv/mysite/x/; disable_symlinks on from=/srv/mysite/x/; } }",
        "server { location / { root /srv/mysite/../../etc; disable_symlinks on from=/srv/mysite/; } }",
        "server { location / { root /srv/mysite/$arg_x; disable_symlinks on from=/srv/mysite/; } }",
        "server { location / { root /srv/mysite2; disable_symlinks on from=/srv/mysite/; } }",
        "server { location / { proxy_pass http://127.0.0.1:22; } }",
        "server { location / { proxy_pass http://unix:/run/docker.sock:/; } }",
        "server { location / { proxy_store /etc/x; } }",
        "server { if (-f /etc/shadow) { set $mysite_closed 1; } }",
        "server { if (-f /srv/mysite/window/$arg_x) { set $mysite_closed 1; } }",
        "server { if ($mysite_closed) { return 200 $request; } }",
        "server { set $mysite_app 1; }",
        "server { location / { if ($mysite_closed) { proxy_pass http://127.0.0.1:22; } } }",
        'server { location / { add_header Set-Cookie "x=$http_cookie"; } }',
        "map $cookie_selfdeploy_pass $mysite_pass { default $cookie_selfdeploy_pass; }",
        "server { location / { perl x; } }",
        "server { location ~ \\.php$ { return 404; } }",
        "server { location / { client_body_in_file_only on; } }",
        "server { location /; }",
        "server { return 404 { } }",
        "upstream mysite_app { server 127.0.0.1:22; }",
        "upstream mysite_app { server unix:/run/docker.sock; }",
        "upstream other_app { server unix:/srv/mysite/current/app.sock; }",
        "map $uri $mysite_x { include /etc/shadow; }",
        'map $uri $mysite_x { "include" /etc/shadow; }',
        "map $uri $other_x { default 0; }",
        "map $uri $mysite_x { default $document_root; }",
        "map $uri $mysite_x { default 0 { } }",
        "geo $remote_addr $mysite_x { include /etc/shadow; }",
        "}",
        "{ }",
        ";",
        "server {",
        "server",
        "server { server_name 'x'; }",
        "server { server_name x${y}; }",
        "server { server_name x$; }",
        "server { server_name a\x0bb; }",
        "server { server_name \\x; }",
        'server { server_name "x"y; }',
        'server { server_name x"; error_log /x; }',
        "server { server_name ä; }",
    ],
)
@pytest.mark.parametrize("place", ["{generated}{line}\n", "{line}\n{generated}"])
def test_what_could_reach_beyond_the_site_is_refused(line: str, place: str) -> None:
    with pytest.raises(Refused):
        judge(place.format(generated=GENERATED, line=line).encode(), SITE)


def test_a_directive_is_refused_wherever_it_is_hidden() -> None:
    """In every line of the generated file, after a comment that ends and before one that does not."""
    lines = GENERATED.splitlines(keepends=True)
    for number in range(len(lines) + 1):
        for hidden in ("error_log /x;\n", "# a remark\nerror_log /x;\n", "error_log /x; # a remark\n"):
            with pytest.raises(Refused):
                judge("".join((*lines[:number], hidden, *lines[number:])).encode(), SITE)
    judge("".join(f"{line}# error_log /x;\n" for line in lines).encode(), SITE)


def test_it_says_what_it_refuses() -> None:
    with pytest.raises(Refused, match=r"^The directive 'error_log /x' is none that is generated for this site\.$"):
        judge(b"error_log /x;", SITE)
    with pytest.raises(Refused, match=r"^Line 2 of the file cannot be read\.$"):
        judge(b"# one\n'", SITE)
    with pytest.raises(Refused, match=r"^The file has more than 200000 bytes\.$"):
        judge(b"#" * 200_001, SITE)


@given(st.binary(max_size=200))
def test_what_says_nothing_is_all_that_passes_by_chance(data: bytes) -> None:
    says_nothing = re.fullmatch(rb"([ \t\r\n]|#[^\n]*(\n|\Z))*", data) and data.isascii()
    with nullcontext() if says_nothing else pytest.raises(Refused):
        judge(data, SITE)


# nginx itself, played by a script

NGINX = """#!/bin/sh
echo "$*" >>{calls}
case "$1" in
    -t) cat {warning} >&2; ! grep -q broken {include}/*.conf ;;
esac
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "warning").write_text("")
    (tmp_path / "bin").mkdir()
    text = NGINX.format(calls=tmp_path / "calls", include=tmp_path / "conf.d", warning=tmp_path / "warning")
    (tmp_path / "bin/nginx").write_text(text)
    (tmp_path / "bin/nginx").chmod(0o755)
    return tmp_path


@pytest.fixture
def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the helper: its exit status, and what it says."""
    monkeypatch.setattr(nginx_helper, "PATH", f"{folder}/bin:/usr/bin:/bin")
    monkeypatch.setattr(nginx_helper.os, "chdir", lambda path: None)
    site = Site("mysite", LAYOUT.root, ("8000", "[::]:8000"), str(folder / "conf.d"))

    def run(*words: str, given: str = "") -> tuple[int, str]:
        status = main(list(words), io.BytesIO(given.encode()), site)
        return status, capsys.readouterr().err

    return run


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []


def test_a_file_is_installed_tested_and_loaded(folder: Path, helper: Run) -> None:
    assert helper("install", given=GENERATED) == (0, "")
    assert (folder / "conf.d/mysite.conf").read_text() == GENERATED
    assert [path.name for path in (folder / "conf.d").iterdir()] == ["mysite.conf"]
    assert calls(folder) == ["-t", "-s reload"]
    assert helper("remove") == (0, "")
    assert list((folder / "conf.d").iterdir()) == []
    assert helper("remove") == (0, "")
    assert calls(folder) == ["-t", "-s reload", "-s reload"]


def test_a_file_that_is_refused_touches_nothing(folder: Path, helper: Run) -> None:
    status, said = helper("install", given="error_log /x;")
    assert (status, said) == (1, "The directive 'error_log /x' is none that is generated for this site.\n")
    assert (list((folder / "conf.d").iterdir()), calls(folder)) == ([], [])


@pytest.mark.parametrize("before", [None, "# before\n"])
def test_what_nginx_refuses_is_taken_back(folder: Path, helper: Run, before: str | None) -> None:
    (folder / "conf.d/other.conf").write_text("broken\n")
    if before:
        (folder / "conf.d/mysite.conf").write_text(before)
    status, said = helper("install", given=GENERATED)
    assert status == 1
    assert said.startswith("`nginx -t` ended with status 1.")
    path = folder / "conf.d/mysite.conf"
    assert (path.read_text() if path.exists() else None) == before
    assert calls(folder) == ["-t"]


def test_a_name_that_another_site_has_is_not_taken(folder: Path, helper: Run) -> None:
    (folder / "warning").write_text('nginx: [warn] conflicting server name "localhost" on 0.0.0.0:8000, ignored\n')
    assert helper("install", given=GENERATED) == (
        1,
        "Another site of this machine has the server name 'localhost'.\n",
    )
    (folder / "warning").write_text('nginx: [warn] conflicting server name "" on 0.0.0.0:8000, ignored\n')
    assert helper("install", given=GENERATED) == (0, "")


@pytest.mark.parametrize("words", [(), ("install", "/etc/passwd"), ("status",)])
def test_it_knows_two_words(helper: Run, words: tuple[str, ...]) -> None:
    assert helper(*words) == (1, "The words are `install` or `remove`.\n")


def test_no_nginx_is_said_to_be_none(folder: Path, helper: Run) -> None:
    (folder / "bin/nginx").unlink()
    assert helper("install", given=GENERATED) == (1, "There is no nginx on this machine.\n")
    assert list((folder / "conf.d").iterdir()) == []


def test_the_helper_is_one_file_that_needs_the_standard_library_alone() -> None:
    text = nginx_needs.helper_text(target(**SYSTEM), LAYOUT, "/etc/nginx/conf.d")
    tree = ast.parse(text)
    imported = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {node.module or "." for node in imported if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in imported if isinstance(node, ast.Import) for name in node.names}
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names
    assert text.startswith("#!/usr/bin/python3 -I\n")
    assert text.endswith(
        "\nsys.exit(main(sys.argv[1:], sys.stdin.buffer, Site(app='mysite', root='/srv/mysite', "
        "listen=('8000', '[::]:8000'), include='/etc/nginx/conf.d')))\n"
    )


def test_the_name_of_a_group_is_not_too_long() -> None:
    assert nginx_needs.shared_group("mysite") == "mysite-front"
    names = {nginx_needs.shared_group("a" * 31 + end) for end in "ab"}
    assert len(names) == 2
    assert all(len(name) == 32 for name in names)
