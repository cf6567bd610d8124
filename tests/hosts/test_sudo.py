"""A password goes to sudo, once, after it has asked."""

import pytest

from django_selfdeploy.core.errors import HostError
from django_selfdeploy.hosts import sudo
from django_selfdeploy.hosts.greeting import no_folder, no_python
from django_selfdeploy.hosts.start import prompt

PROMPT = prompt("abc")


def test_nothing_is_sent_before_the_prompt_and_nothing_twice() -> None:
    asked: list[str] = []
    password = sudo.Password("ann@web1", "abc", lambda text: asked.append(text) or "secret")  # type: ignore[func-returns-value]
    assert password.answer("We trust you have received the usual lecture.") == b""
    assert password.answer("another-nonce:") == b""
    assert password.answer(PROMPT) == b"secret\n"
    assert password.answer(PROMPT) == b""
    assert asked == ["Password for sudo on ann@web1: "]
    with pytest.raises(HostError, match="That is not the password that sudo wants on 'ann@web1'"):
        password.answer(f"{PROMPT}Sorry, try again.\n{PROMPT}")


def test_nobody_to_ask_is_said() -> None:
    with pytest.raises(HostError, match="nobody can be asked for it"):
        sudo.Password("ann@web1", "abc", None).answer(PROMPT)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("/bin/sh: 1: sudo: not found", "There is no sudo on 'web1'."),
        ("exec: sudo: No such file or directory", "There is no sudo on 'web1'."),
        ("sudo: sorry, you must have a tty to run sudo", "sudo on 'web1' wants a terminal (requiretty)."),
        (
            "ann is not in\nthe sudoers file.",
            "sudo on 'web1' does not let us become root: 'ann is not in the sudoers file.'.",
        ),
    ],
)
def test_refusals_are_told_apart(said: str, sentence: str) -> None:
    assert sudo.refusal("web1", said).message == sentence
    assert sudo.is_hopeless(said) is ("sudoers" not in said)


def test_what_a_host_lacks_is_said_with_what_it_has() -> None:
    assert no_python("web1", "").message == "'web1' has no Python 3.10 or newer."
    assert no_python("web1", " python3 is Python 3.7.3,").message == (
        "'web1' has no Python 3.10 or newer: python3 is Python 3.7.3."
    )
    assert no_folder("web1", "/a: No space left on device").message == (
        "The runner can be left nowhere on 'web1': /a: No space left on device."
    )
