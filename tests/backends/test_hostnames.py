"""ALLOWED_HOSTS become server names by the grammar of host names, and nothing else gets through."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_selfdeploy.backends.hostnames import host_for_probe, server_names
from django_selfdeploy.core.errors import ConfigError

HARMLESS = re.compile(r"\.?[a-z0-9._-]+|\[[0-9a-f:.]+\]")


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        (("example.com",), ("example.com",)),
        (("Example.COM.", "example.com"), ("example.com",)),
        ((".example.com",), (".example.com",)),
        (("[::1]", "127.0.0.1", "localhost"), ("[::1]", "127.0.0.1", "localhost")),
        (("[FD00::1]",), ("[fd00::1]",)),
        (("bücher.example", ".日本.example"), ("xn--bcher-kva.example", ".xn--wgv71a.example")),
        (("xn--bcher-kva.example",), ("xn--bcher-kva.example",)),
        (("my_site.example",), ("my_site.example",)),
        (("a" * 63 + ".example",), ("a" * 63 + ".example",)),
        (("example.com", "*"), ()),
        ((), ()),
    ],
)
def test_names_are_those_that_are_sent(hosts: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert server_names(hosts) == names


T04 = [
    "",
    ".",
    "a.com; location /",
    "~regex",
    "~^(?<x>.*)$",
    "$host",
    "a" * 300,
    ".".join(["abcdefgh"] * 32),
    "a b",
    "a\nb",
    "*.example.com",
    "a..b",
    "-a.example",
    "a-.example",
    "example.com:8000",
    "http://example.com",
    "[::1",
    "[::1]:80",
    "[example]",
    "a/b",
    "{}",
    '"',
    "bücher..example",
    "ü" * 64,
    "\u2028",
]


@pytest.mark.parametrize("host", T04)
@pytest.mark.parametrize("function", [server_names, host_for_probe])
def test_what_is_no_host_name_is_refused(host: str, function: object) -> None:
    with pytest.raises(ConfigError) as caught:
        function((host,))  # type: ignore[operator]
    assert str(caught.value) == (
        f"ALLOWED_HOSTS has {host!r}, which is no host name.\n"
        'Write names such as "example.com", ".example.com" for all below it, or "*".'
    )


@settings(max_examples=80)
@given(st.text(max_size=30) | st.from_regex(r"[a-z0-9.\-\[\]:*_~$;{} ]{0,20}", fullmatch=True))
def test_nothing_but_host_names_gets_through(host: str) -> None:
    try:
        names = server_names((host,))
    except ConfigError:
        return
    assert all(HARMLESS.fullmatch(name) for name in names)


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        (("example.com",), ("example.com", "www.example.com")),
        (("example.com", "www.example.com"), ("example.com", "www.example.com")),
        (("www.example.com",), ("www.example.com",)),
        ((".example.com", "[::1]", "localhost"), (".example.com", "[::1]", "localhost")),
        (("*",), ()),
    ],
)
def test_a_project_that_prepends_www_is_reached_by_both_names(hosts: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert server_names(hosts, prepend_www=True) == names


@pytest.mark.parametrize(
    ("hosts", "prepend_www", "host"),
    [
        (("example.com", "other.example"), False, "example.com"),
        ((".example.com",), False, "example.com"),
        (("bücher.example",), False, "xn--bcher-kva.example"),
        (("*",), False, "localhost"),
        ((), False, "localhost"),
        (("example.com",), True, "www.example.com"),
        (("www.example.com",), True, "www.example.com"),
        ((".example.com",), True, "www.example.com"),
    ],
)
def test_the_probe_asks_for_a_host_that_the_project_answers_to(
    hosts: tuple[str, ...], prepend_www: bool, host: str
) -> None:
    assert host_for_probe(hosts, prepend_www=prepend_www) == host
