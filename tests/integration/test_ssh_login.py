"""Real sshds on loopback: each way in which a login fails has its sentence, and none of the others."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import ConfigError, HostError
from django_selfdeploy.hosts.options import Ssh
from django_selfdeploy.hosts.ssh import connected

from .controller import short_folder
from .sshd import Line, Sshd, look, make_key, needs_sshd
from .waiting import until

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = short_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[Sshd]:
    """One that accepts us. Tests that change its files make their own."""
    with Sshd(folder / "host") as host:
        yield host


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The controller's user has no keys, no agent and no known hosts but those of the test."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def failing(address: str, ssh: Ssh, kind: type[Exception] = HostError, **options: object) -> str:
    """The sentence and the hint with which a login fails."""
    with pytest.raises(kind) as caught, connected(address, ssh, **options) as connection:  # type: ignore[arg-type]
        look(connection, "/nowhere")
    return str(caught.value)


def reached(address: str, ssh: Ssh, **options: object) -> bool:
    with connected(address, ssh, **options) as connection:  # type: ignore[arg-type]
        return look(connection, "/nowhere").uid == os.geteuid()


# The network


def test_a_port_at_which_nobody_listens(host: Sshd) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = failing(f"root@127.0.0.1:{port}", host.ssh())
    assert said.startswith(f"'root@127.0.0.1' refuses the connection: nothing listens at 127.0.0.1 port {port}.\n")


def test_a_name_that_stands_for_no_host(host: Sshd) -> None:
    said = failing("root@no-such-host.invalid", host.ssh())
    assert said.startswith("'root@no-such-host.invalid': there is no host called 'no-such-host.invalid'.\n")


def test_a_host_that_does_not_answer(host: Sshd) -> None:
    """Its queue of connections is full, so that ours is dropped: to us that is a cable that was cut."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        said = failing(f"root@127.0.0.1:{port}", host.ssh(connect_timeout=1.0))
    assert said.startswith(f"'root@127.0.0.1' cannot be reached: 127.0.0.1 port {port} does not answer.\n")


@contextmanager
def listener(says: bytes | None) -> Iterator[str]:
    """Something that is not sshd; None says nothing and waits."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as stack:
        import threading

        def serve() -> None:
            with stack:
                sock, _ = server.accept()
                stack.enter_context(sock)
                if says is not None:
                    sock.sendall(says)
                    sock.close()
                else:
                    sock.recv(1 << 16)
                    sock.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield f"root@127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (None, "'root@127.0.0.1' accepts the connection and says nothing for 1 s."),
        (b"HTTP/1.1 400 Bad Request\r\n" * 200, "is not an SSH server: it says 'HTTP/1.1 400 Bad Request'."),
        (b"", "'root@127.0.0.1' closed the connection before the login."),
        (b"Exceeded MaxStartups\r\n", "'root@127.0.0.1' closed the connection before the login."),
    ],
)
def test_what_listens_is_not_sshd(host: Sshd, says: bytes | None, sentence: str) -> None:
    with listener(says) as address:
        assert sentence in failing(address, host.ssh(connect_timeout=1.0))


def test_an_sshd_that_has_too_many_logins_to_do(folder: Path) -> None:
    with Sshd(folder / "busy", lines=("MaxStartups 1",)) as busy, ExitStack() as stack:
        until(lambda: not busy.sessions(), what="nobody logs in")
        stack.enter_context(socket.create_connection((busy.address, busy.port)))
        until(lambda: busy.sessions(), what="a login is under way")
        said = failing(f"root@{busy.name}", busy.ssh())
    assert said.splitlines()[0] == "'root@127.0.0.1' closed the connection before the login."
    assert "MaxStartups" in said


# Keys of hosts


def test_a_host_key_that_is_not_known_is_told_with_the_line_to_add(host: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    said = failing(f"root@{host.name}", host.ssh(known_hosts=str(known)))
    shown = subprocess.run(("ssh-keygen", "-lf", f"{host.host_key}.pub"), capture_output=True, text=True, check=True)
    assert shown.stdout.split()[1] in said.splitlines()[0]
    assert said.startswith("The host key of 'root@127.0.0.1' is not known: ssh-ed25519 SHA256:")
    assert "--accept-new-host-key" in said
    assert said.splitlines()[-1] == host.known_hosts_line.strip()
    assert not known.exists()
    known.write_text(said.splitlines()[-1])
    assert reached(f"root@{host.name}", host.ssh(known_hosts=str(known)))


def test_a_new_host_key_can_be_accepted_and_a_changed_one_cannot(host: Sshd, tmp_path: Path, folder: Path) -> None:
    ssh = host.ssh(known_hosts=str(tmp_path / "new/known"))
    assert reached(f"root@{host.name}", ssh, accept_new_host_key=True)
    known = tmp_path / "new/known"
    assert (known.read_text(), known.stat().st_mode & 0o777) == (host.known_hosts_line, 0o600)
    assert reached(f"root@{host.name}", ssh)
    other = make_key(tmp_path / "other").with_name("other.pub").read_text().split()[1]
    known.write_text(f"[127.0.0.1]:{host.port} ssh-ed25519 {other}\n")
    said = failing(f"root@{host.name}", ssh, accept_new_host_key=True)
    assert said.startswith("The host key of 'root@127.0.0.1' has changed: it shows ssh-ed25519 SHA256:")
    assert said.splitlines()[0].count("SHA256:") == 2
    assert f"ssh-keygen -R '[127.0.0.1]:{host.port}' -f {known}" in said
    assert known.read_text().endswith(f"{other}\n")


def test_a_host_is_asked_for_the_key_that_is_known_of_it(folder: Path, tmp_path: Path) -> None:
    """Its first choice would be ed25519."""
    ecdsa = make_key(tmp_path / "ecdsa", "ecdsa")
    with Sshd(folder / "both", lines=(f"HostKey {ecdsa}",)) as both:
        kind, key, *_ = ecdsa.with_name("ecdsa.pub").read_text().split()
        known = tmp_path / "known"
        known.write_text(f"[{both.address}]:{both.port} {kind} {key}\n")
        assert reached(f"root@{both.name}", both.ssh(known_hosts=str(known)))
        known.write_text(f"[{both.address}]:{both.port} ssh-rsa AAAA\n")
        said = failing(f"root@{both.name}", both.ssh(known_hosts=str(known)), accept_new_host_key=True)
    assert "has changed" in said


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_keys_of_other_kinds_are_as_good(folder: Path, kind: str) -> None:
    key = make_key(folder / f"user_{kind}", kind)
    with Sshd(folder / f"with_{kind}", key_kind=kind, key=key) as host:
        assert reached(f"root@{host.name}", host.ssh())


def test_hashed_revoked_and_certified_lines(host: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    ssh = host.ssh(known_hosts=str(known))
    known.write_text(host.known_hosts_line)
    subprocess.run(("ssh-keygen", "-q", "-H", "-f", str(known)), check=True, capture_output=True)
    assert "|1|" in known.read_text()
    assert reached(f"root@{host.name}", ssh)
    known.write_text(f"@revoked * {host.known_hosts_line.split(' ', 1)[1]}")
    said = failing(f"root@{host.name}", ssh, accept_new_host_key=True)
    assert said.startswith(f"The host key of 'root@127.0.0.1' is revoked by {known}:1: ssh-ed25519 SHA256:")
    known.write_text(f"@cert-authority * {make_key(tmp_path / 'ca').with_name('ca.pub').read_text()}")
    said = failing(f"root@{host.name}", ssh, accept_new_host_key=True)
    assert f"is known by its authority only ({known}:1), which is not supported." in said


# Keys of the user


def test_a_key_that_is_not_accepted(host: Sshd, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    said = failing(f"root@{host.name}", host.ssh(identity_file=str(other)))
    assert said.startswith(f"'root@127.0.0.1' accepts no key for 'root' (tried: {other}).\n")
    said = failing(f"root@{host.name}", host.ssh(identity_file=""))
    assert said.startswith("'root@127.0.0.1' accepts no key for 'root' (there was none to try).\n")
    said = failing(f"root@{host.name}", host.ssh(identity_file=f"{other}.pub"))
    assert said.startswith(f"'root@127.0.0.1' accepts no key for 'root' (no key in {other}.pub).\n")


def test_an_encrypted_key_is_asked_for_once(folder: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "locked", passphrase="open sesame")
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "open sesame"

    with Sshd(folder / "locked", key=key) as host:
        said = failing(f"root@{host.name}", host.ssh())
        assert said.startswith(f"The key '{key}' for 'root@127.0.0.1' is encrypted, and nobody can be asked for")
        said = failing(f"root@{host.name}", host.ssh(), ask=lambda prompt: "wrong")
        assert said == f"That is not the passphrase of '{key}'.\nTry again."
        assert reached(f"root@{host.name}", host.ssh(), ask=ask)
        assert reached(f"root@{host.name}", host.ssh(), ask=ask)
    assert asked == [f"Passphrase of {key}: "]


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An agent with eight keys that nobody accepts."""
    sock = short_folder() / "agent"
    child = subprocess.Popen(("ssh-agent", "-D", "-a", str(sock)), stdout=subprocess.DEVNULL)
    until(sock.exists, what="the agent listens")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
    for number in range(8):
        subprocess.run(("ssh-add", "-q", str(make_key(tmp_path / f"held{number}"))), check=True)
    yield sock
    child.terminate()
    child.wait(10)
    shutil.rmtree(sock.parent)


def test_an_agent_with_many_keys(host: Sshd, agent: Path, tmp_path: Path) -> None:
    """sshd hears out six (MaxAuthTries): the named one comes first."""
    assert reached(f"root@{host.name}", host.ssh())
    said = failing(f"root@{host.name}", host.ssh(identity_file=""))
    assert said.startswith("'root@127.0.0.1' ended the login after 6 keys (MaxAuthTries): held0 (agent), ")
    config = tmp_path / "config"
    config.write_text(f"Host h\n  HostName 127.0.0.1\n  Port {host.port}\n  User root\n  IdentityFile {host.key}\n")
    assert reached("h", host.ssh(config=str(config), identity_file=""))
    subprocess.run(("ssh-add", "-q", "-D"), check=True)
    subprocess.run(("ssh-add", "-q", str(host.key)), check=True)
    assert reached(f"root@{host.name}", host.ssh(identity_file=""))
    public = tmp_path / "only_public"
    shutil.copy(f"{host.key}.pub", f"{public}.pub")
    assert reached(f"root@{host.name}", host.ssh(identity_file=str(public)))


def test_a_host_that_wants_more_than_a_key(folder: Path) -> None:
    with Sshd(
        folder / "more", lines=("AuthenticationMethods publickey,password", "PasswordAuthentication yes")
    ) as host:
        said = failing(f"root@{host.name}", host.ssh())
    assert "wants more, or something else, than a key: " in said


def test_only_good_algorithms_are_spoken(folder: Path) -> None:
    with Sshd(folder / "old", lines=("KexAlgorithms diffie-hellman-group14-sha1",)) as host:
        said = failing(f"root@{host.name}", host.ssh())
    assert said.startswith("'root@127.0.0.1' and this machine have no way of encryption in common: ")


# ~/.ssh/config


def test_aliases_and_hosts_in_between(host: Sshd, folder: Path, tmp_path: Path) -> None:
    """Two hops, each with its own configuration and host key."""
    config = tmp_path / "config"
    with Sshd(folder / "gate", key=host.key) as gate, Sshd(folder / "inner", key=host.key) as inner:
        (tmp_path / "more").write_text(f"Host inner\n  HostName 127.0.0.1\n  Port {inner.port}\n  ProxyJump gate\n")
        config.write_text(
            f"Include {tmp_path}/mor?\nUser root\nIdentityFile {host.key}\n"
            f"Host gate\n  HostName 127.0.0.1\n  Port {gate.port}\n"
            f"Host web\n  HostName localhost\n  Port {host.port}\n  ProxyJump gate,inner\n  HostKeyAlias the-web\n"
        )
        known = tmp_path / "known"
        ssh = host.ssh(config=str(config), known_hosts=str(known), identity_file="")
        said = failing("web", ssh)
        assert said.startswith("The host key of 'gate' is not known")
        known.write_text(gate.known_hosts_line)
        assert failing("web", ssh).startswith("The host key of 'inner' is not known")
        known.write_text(gate.known_hosts_line + inner.known_hosts_line)
        assert "\nthe-web ssh-ed25519 " in failing("web", ssh)
        assert reached("web", ssh, accept_new_host_key=True)
        assert reached("inner", ssh)
        inner.end()
        said = failing("web", ssh)
        assert said.startswith("'inner' cannot be reached from the host in between, 'gate': ")


def test_a_command_to_talk_through(host: Sshd, tmp_path: Path) -> None:
    config = tmp_path / "config"
    through = f"ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -i {host.key}"
    config.write_text(
        f"Host web\n  HostName 127.0.0.1\n  Port {host.port}\n  User root\n"
        f"  ProxyCommand {through} -p {host.port} -W %h:%p %r@127.0.0.1\n"
        "Host broken\n  ProxyCommand sh -c 'exit 3'\nHost missing\n  ProxyCommand /no/such/program %h\n"
    )
    assert reached("web", host.ssh(config=str(config)))
    for name in ("broken", "missing"):
        said = failing(name, host.ssh(config=str(config)))
        assert said.startswith(f"'{name}' cannot be reached: its ProxyCommand ends.\nRun ")


def test_a_configuration_that_cannot_be_used(host: Sshd, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host\n")
    assert "cannot be understood" in failing("web", host.ssh(config=str(config)), ConfigError)
    said = failing("web", host.ssh(config=str(tmp_path / "none")), ConfigError)
    assert said.startswith(f"'{tmp_path}/none' cannot be read: No such file or directory.")


# What is on the host


def with_command(folder: Path, name: str, command: str) -> Sshd:
    """A host whose every login runs `command`, which finds what was asked for in SSH_ORIGINAL_COMMAND."""
    return Sshd(folder / name, lines=(f"ForceCommand {command}",))


def test_a_login_that_runs_no_commands(folder: Path) -> None:
    with with_command(folder, "nologin", "/usr/sbin/nologin") as host:
        said = failing(f"root@{host.name}", host.ssh())
    assert said.startswith("'root@127.0.0.1' starts no runner, it says 'This account is currently not available.'.\n")


def test_a_host_without_python(folder: Path) -> None:
    empty = folder / "empty"
    empty.mkdir()
    with with_command(folder, "bare", f'PATH={empty} /bin/sh -c "$SSH_ORIGINAL_COMMAND"') as host:
        said = failing(f"root@{host.name}", host.ssh())
        assert said.startswith("'root@127.0.0.1' has no Python 3.10 or newer.\n")
        said = failing(f"root@{host.name}", host.ssh(), python="python3.99")
        assert said.startswith("'root@127.0.0.1' has no Python 3.10 or newer.\n")


def old_python() -> str:
    """A Python that is too old: a real one where there is one, else one that says so."""
    for path in sorted(Path("/").glob("opt/*/versions/3.[6-9]*/bin/python3")) + sorted(
        Path(os.path.expanduser("~root")).glob(".pyenv/versions/3.[6-9]*/bin/python3")
    ):
        return str(path)
    return ""


def test_a_host_whose_python_is_too_old(folder: Path) -> None:
    place = folder / "oldies"
    place.mkdir()
    if found := old_python():
        (place / "python3").symlink_to(found)
    else:
        (place / "python3").write_text('#!/bin/sh\ntest "$1" = -V && echo Python 3.7.16 || exit 96\n')
        (place / "python3").chmod(0o755)
    with with_command(folder, "old_python", f'PATH={place} /bin/sh -c "$SSH_ORIGINAL_COMMAND"') as host:
        said = failing(f"root@{host.name}", host.ssh())
    assert said.startswith("'root@127.0.0.1' has no Python 3.10 or newer: python3 is Python 3.")


@pytest.mark.parametrize(
    ("options", "reason"),
    [("size=64k", "No space left on device"), ("ro", "Read-only file system")],
)
def test_a_host_that_has_no_room_for_the_runner(folder: Path, options: str, reason: str) -> None:
    """All places are small or read-only file systems, in a namespace of the login's own."""
    script = folder / f"cramped_{options[:2]}"
    mounts = "".join(f"mount -t tmpfs -o {options} none {place} && " for place in ("$HOME", "/var/tmp", "/tmp"))
    inside = f'{mounts} exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    script.write_text(f"#!/bin/sh\nexec unshare -m --propagation private /bin/sh -c '{inside}'\n")
    script.chmod(0o755)
    with with_command(folder, f"cramped_on_{options[:2]}", str(script)) as host:
        said = failing(f"root@{host.name}", host.ssh())
    assert said.startswith("The runner can be left nowhere on 'root@127.0.0.1': ")
    assert said.count(reason) == 3


def test_nothing_is_left_running_by_a_login_that_fails(host: Sshd, folder: Path) -> None:
    with with_command(folder, "slow", "sleep 30") as slow:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("django_selfdeploy.hosts.ssh.START", 0.5)
            said = failing(f"root@{slow.name}", slow.ssh(silence=1.0, keepalive=0.3))
        assert said.startswith("'root@127.0.0.1' starts no runner within 1 s.")
        until(lambda: not slow.sessions(), what="the login ends")
        assert slow.runners() == []


def test_a_user_who_gives_up_while_connecting_leaves_nothing(host: Sshd) -> None:
    def interrupt(prompt: str) -> str:
        raise KeyboardInterrupt

    key = make_key(host.folder / "never", passphrase="never")
    with pytest.raises(KeyboardInterrupt):
        reached(f"root@{host.name}", replace(host.ssh(), identity_file=str(key)), ask=interrupt)
    until(lambda: not host.sessions(), what="the connection ends")


def test_the_port_of_a_line_is_not_that_of_the_host(host: Sshd) -> None:
    """A line in between has its own port, so its key is not known under that name."""
    with Line(host) as line:
        assert "is not known" in failing(f"root@{line.name}", host.ssh())
