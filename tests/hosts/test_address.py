"""What names a host, and what no program is ever given as one."""

import pytest

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.hosts.address import Address, parsed


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("web1", Address("web1")),
        ("web1.example.com.", Address("web1.example.com.")),
        ("deploy@web1.example.com:22", Address("web1.example.com", "deploy", 22)),
        ("10.0.0.1:2222", Address("10.0.0.1", "", 2222)),
        ("[::1]:2222", Address("::1", "", 2222)),
        ("deploy@[fe80::1%eth0]", Address("fe80::1%eth0", "deploy")),
        ("2001:db8::1", Address("2001:db8::1")),
        ("my_user.name$@h", Address("h", "my_user.name$")),
    ],
)
def test_an_address_is_taken_apart(text: str, address: Address) -> None:
    assert parsed(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "user@", "@host", "-oProxyCommand=id", "-l@host", "a;b", "a b", "host;id@x", "$(id)", "`id`"),
        *("host:", "host:0", "host:70000", "host:-1", "host:+22", "host: 22", "host:22:22", "host:٢٢", "host:22\n"),
        *("[::1", "[host]:22", "[::1]22", "[::1]:", "::1]:22", "[]:22", "us er@host", "a@b@c@", "web1\n", "ü.example"),
        *("host/x", "ssh://host", "host,other", "*.example.com", "!host", "-host", "host-", "a" * 300),
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert caught.value.message.startswith(f"{text!r} is no address of a host: ")
    assert "deploy@web1.example.com:2222" in caught.value.hint


def test_messages_name_a_host_without_its_port() -> None:
    assert [str(parsed(text)) for text in ("web1:22", "a@web1", "a@[::1]:22")] == ["web1", "a@web1", "a@[::1]"]
