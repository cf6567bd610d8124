"""Root by real sudo, as users who may, who must give a password, and who may not."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import HostError
from django_selfdeploy.hosts.ssh import connected

from .controller import short_folder
from .sshd import IN_CI, Sshd, look, make_key, needs_sshd, runners
from .waiting import until

PASSWORD = "Tr0ub4dor&3 'quoted' $HOME"
RULES = Path("/etc/sudoers.d")

pytestmark = [
    *needs_sshd,
    pytest.mark.skipif(not IN_CI and not shutil.which("sudo"), reason="no sudo"),
]


def no_question(prompt: str) -> str:
    raise AssertionError(f"Asked for {prompt!r}.")


class User:
    """A user of this machine for one module; `allow` says what sudo lets it do."""

    def __init__(self, folder: Path) -> None:
        self.name = f"sd{secrets.token_hex(4)}"
        self.rule = RULES / f"selfdeploy-test-{self.name}"
        run("useradd", "--create-home", "--home-dir", str(folder / "home"), "--shell", "/bin/sh", self.name)
        subprocess.run(("chpasswd",), input=f"{self.name}:{PASSWORD}\n", text=True, check=True)

    def allow(self, *lines: str) -> None:
        new = self.rule.with_name(f".{self.rule.name}")  # sudo reads no names with a dot
        new.write_text("".join(f"{line.format(user=self.name)}\n" for line in lines))
        new.chmod(0o440)
        run("visudo", "-cqf", str(new))
        new.rename(self.rule)

    def remove(self) -> None:
        self.rule.unlink(missing_ok=True)
        words = ("userdel", self.name)
        until(lambda: subprocess.run(words, capture_output=True).returncode == 0, what="nothing runs as the user")


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = short_folder()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def user(folder: Path) -> Iterator[User]:
    user = User(folder)
    kept = Path("~root").expanduser() / ".cache/django-selfdeploy"
    before = set(kept.iterdir()) if kept.exists() else None
    yield user
    user.remove()
    for path in set(kept.iterdir()) - (before or set()) if kept.exists() else ():
        shutil.rmtree(path)
    if before is None and kept.exists():
        kept.rmdir()


@pytest.fixture(scope="module")
def host(folder: Path, user: User) -> Iterator[Sshd]:
    with Sshd(folder / "host", key=make_key(folder / "key"), home=False) as host:
        host.home.chmod(0o755)
        yield host


@pytest.fixture
def become(host: Sshd, user: User) -> Iterator[Callable[..., int]]:
    """The id of the user that the runner is of, and then nothing is left of it."""

    def become(*, ask: Callable[[str], str] | None = no_question) -> int:
        with connected(f"{user.name}@{host.name}", host.ssh(), ask=ask, become=True) as connection:
            return look(connection, "/nowhere").uid

    yield become
    until(lambda: not runners(f"SUDO_USER={user.name}\0"), what="the runners end")


def failing(become: Callable[..., int], ask: Callable[[str], str] | None = no_question) -> str:
    with pytest.raises(HostError) as caught:
        become(ask=ask)
    return str(caught.value)


def test_without_a_password_nothing_is_asked(become: Callable[..., int], user: User) -> None:
    user.allow("{user} ALL=(ALL) NOPASSWD: ALL")
    assert become() == 0


def test_a_password_is_asked_for_once(become: Callable[..., int], user: User, host: Sshd) -> None:
    user.allow("{user} ALL=(ALL) ALL")
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return PASSWORD

    assert become(ask=ask) == 0
    assert asked == [f"Password for sudo on {user.name}@127.0.0.1: "]
    assert PASSWORD not in host.log()
    assert failing(become, None).startswith(
        f"sudo wants a password on '{user.name}@127.0.0.1', and nobody can be asked"
    )


def test_a_wrong_password_is_not_tried_again(become: Callable[..., int], user: User) -> None:
    user.allow("{user} ALL=(ALL) ALL")
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "wrong"

    assert failing(become, ask) == f"That is not the password that sudo wants on '{user.name}@127.0.0.1'.\nTry again."
    assert len(asked) == 1


def test_a_rule_that_lets_only_the_command_be_run_without_one(become: Callable[..., int], user: User) -> None:
    """`sudo -n true` is refused, and then no password is wanted: none may be sent."""
    user.allow("{user} ALL=(ALL) NOPASSWD: /usr/bin/python3*")
    assert become() == 0


def test_a_rule_that_lets_true_alone_be_run_without_one(become: Callable[..., int], user: User) -> None:
    user.allow("{user} ALL=(ALL) NOPASSWD: /usr/bin/true, /bin/true")
    assert "sudo on" in failing(become, lambda prompt: PASSWORD)


def test_a_user_who_may_not(become: Callable[..., int], user: User) -> None:
    user.rule.unlink(missing_ok=True)
    said = failing(become, lambda prompt: PASSWORD)
    assert said.startswith(f"sudo on '{user.name}@127.0.0.1' does not let us become root: ")
    assert "is not in the sudoers file" in said


def test_a_sudo_that_wants_a_terminal(become: Callable[..., int], user: User) -> None:
    user.allow("Defaults:{user} requiretty", "{user} ALL=(ALL) NOPASSWD: ALL")
    said = failing(become)
    assert said.startswith(f"sudo on '{user.name}@127.0.0.1' wants a terminal (requiretty).\n")


def test_a_sudo_that_makes_a_terminal_of_its_own(become: Callable[..., int], user: User) -> None:
    user.allow("Defaults:{user} use_pty, lecture=always", "{user} ALL=(ALL) ALL")
    assert become(ask=lambda prompt: PASSWORD) == 0


def test_a_host_without_sudo(folder: Path, host: Sshd, user: User) -> None:
    """A PATH with what the login needs, and no sudo."""
    place = folder / "few"
    place.mkdir()
    for name in ("python3", "id"):
        (place / name).symlink_to(Path("/usr/bin") / name)
    command = f'ForceCommand PATH={place} /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    with (
        Sshd(folder / "without", key=host.key, lines=(command,), home=False) as bare,
        pytest.raises(HostError) as caught,
    ):
        with connected(f"{user.name}@{bare.name}", bare.ssh(), ask=no_question, become=True) as connection:
            look(connection, "/nowhere")
    assert caught.value.message == f"There is no sudo on '{user.name}@127.0.0.1'."


def test_root_needs_no_sudo(host: Sshd, folder: Path) -> None:
    with Sshd(folder / "of_root", key=host.key) as own:
        with connected(f"root@{own.name}", own.ssh(), ask=no_question, become=True) as connection:
            assert look(connection, "/nowhere").uid == 0
            assert connection.round_trips == 3


def test_an_ordinary_user_of_a_host(host: Sshd, user: User, folder: Path) -> None:
    with connected(f"{user.name}@{host.name}", host.ssh()) as connection:
        assert look(connection, "/nowhere").uid != 0
    assert (folder / "home/.cache/django-selfdeploy").stat().st_uid != 0
