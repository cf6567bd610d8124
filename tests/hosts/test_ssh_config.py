"""What ~/.ssh/config says is done as ssh does it, and what cannot be understood is said."""

import getpass
from dataclasses import replace
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.hosts.address import Address, parsed
from django_selfdeploy.hosts.options import Ssh
from django_selfdeploy.hosts.ssh_config import Login, login


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def found(home: Path, text: str, address: str = "web1", **options: object) -> Login:
    (home / ".ssh/config").write_text(text)
    return login(parsed(address), Ssh(**options))  # type: ignore[arg-type]


def test_without_a_configuration_there_are_usual_values(home: Path) -> None:
    assert login(parsed("web1"), Ssh()) == Login(
        address=Address("web1"),
        host="web1",
        port=22,
        user=getpass.getuser(),
        identities=tuple(f"{home}/.ssh/id_{kind}" for kind in ("ed25519", "ecdsa", "rsa")),
        named=False,
        only=False,
        jumps=(),
        proxy="",
        alias="",
        known=(f"{home}/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"),
        agent="",
        timeout=10.0,
    )


def test_what_applies_to_the_host_is_taken(home: Path) -> None:
    text = """
    Host other
        User nobody
    Host web*
        HostName %h.example.com
        User deploy
        Port 2222
        IdentityFile ~/.ssh/first
        IdentityFile "~/.ssh/second"
        IdentitiesOnly yes
        ConnectTimeout 3
        UserKnownHostsFile ~/a ~/b
        HostKeyAlias cluster
        IdentityAgent none
    """
    one = found(home, text)
    assert (one.host, one.user, one.port, one.timeout) == ("web1.example.com", "deploy", 2222, 3.0)
    assert (one.identities, one.named, one.only) == ((f"{home}/.ssh/first", f"{home}/.ssh/second"), True, True)
    assert one.known == (f"{home}/a", f"{home}/b", "/etc/ssh/ssh_known_hosts")
    assert (one.place, one.agent) == ("cluster", "none")


def test_what_the_address_says_comes_first(home: Path) -> None:
    text = "Host *\n  User deploy\n  Port 2222\n  ProxyCommand nc -X %r %h %p\n"
    one = found(home, text, "ann@web1:22")
    assert (one.user, one.port, one.proxy, str(one)) == ("ann", 22, "nc -X ann web1 22", "ann@web1")


def test_options_of_the_target_come_first_too(home: Path) -> None:
    text = "IdentityFile ~/.ssh/other\nUserKnownHostsFile ~/a\n"
    one = found(home, text, identity_file="~/key", known_hosts="~/k")
    assert (one.identities, one.only, one.known) == ((f"{home}/key",), True, (f"{home}/k",))


def test_the_name_under_which_a_key_is_known_has_the_port(home: Path) -> None:
    assert (found(home, "", "WEB1").place, found(home, "", "web1:2222").place) == ("web1", "[web1]:2222")
    assert found(home, "", "[fe80::1]:2222").place == "[fe80::1]:2222"


def test_hosts_in_between(home: Path) -> None:
    text = "Host web1\n  ProxyJump ann@gate:2222,inner\nHost web2\n  ProxyJump none\nHost web3\n  ProxyCommand none\n"
    assert found(home, text).jumps == (Address("gate", "ann", 2222), Address("inner"))
    assert [found(home, text, name).jumps for name in ("web2", "web3", "web4")] == [(), (), ()]
    assert found(home, text, "web3").proxy == ""


def test_files_that_are_included_count_where_they_stand(home: Path) -> None:
    (home / ".ssh/config.d").mkdir()
    (home / ".ssh/config.d/a").write_text("Host web1\n  Port 2001\n")
    (home / ".ssh/config.d/b").write_text("Host web1\n  Port 2002\nHost web2\n  Port 2003\n")
    (home / ".ssh/common").write_text("User deploy\n")
    text = "Include config.d/*\nUser ann\nHost web3\n  Include ~/.ssh/common none\n  Port 2004\n"
    assert [found(home, text, name).port for name in ("web1", "web2", "web3", "web4")] == [2001, 2003, 2004, 22]
    assert found(home, text, "web4").user == "ann"


def test_what_is_included_inside_of_a_section_may_have_none(home: Path) -> None:
    (home / ".ssh/more").write_text("Host web2\n  Port 1\n")
    with pytest.raises(ConfigError, match=r"inside of 'Host web1', and that has sections of its own"):
        found(home, "Host web1\nInclude more\n")


def test_a_file_that_includes_itself_is_refused(home: Path) -> None:
    with pytest.raises(ConfigError, match="includes itself"):
        found(home, "Include config\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Host\n", "'~/.ssh/config' cannot be understood: Unparsable line Host."),
        ('Host "web1\n', "'~/.ssh/config' cannot be understood: Unparsable host "),
        ("Match user\n", "'~/.ssh/config' cannot be understood: Missing parameter to Match"),
        ("Port many\n", "'many' in '~/.ssh/config' is no number for port."),
        ("Port 70000\n", "'70000' in '~/.ssh/config' is no number for port."),
        ("ConnectTimeout 1.5\n", "'1.5' in '~/.ssh/config' is no number for connecttimeout."),
        ("ProxyJump -oProxyCommand=id\n", "ProxyJump in '~/.ssh/config': '-oProxyCommand=id' is no address"),
    ],
)
def test_what_cannot_be_understood_is_said(home: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        found(home, text)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_a_configuration_that_was_named_must_be_there(home: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        login(parsed("web1"), Ssh(config=f"{home}/nowhere"))
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        login(parsed("web1"), Ssh(config=str(home)))


def test_words_that_mean_nothing(home: Path) -> None:
    one = found(home, "ConnectTimeout none\nIdentityFile none\nUserKnownHostsFile none\n")
    assert (one.timeout, one.named, one.known[0]) == (10.0, False, "/dev/null")


def test_times_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="SILENCE .6 s. is less than twice KEEPALIVE .5 s."):
        Ssh(silence=6)
    with pytest.raises(ConfigError, match="not more than zero"):
        replace(Ssh(), connect_timeout=0)
