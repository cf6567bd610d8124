"""The encrypted file: what goes in comes out, and whatever was tampered with is noticed by name."""

import builtins
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.project.encrypted import Key, Sealed, changed, keys_of, new_file, new_key, opened, sealed
from django_selfdeploy.project.env_keys import find_keys, key_paths, missing

KEY = Key(b"k" * 32)
VALUES = {"TOKEN": "canary-token", "DEBUG": "False", "EMPTY": ""}
NAME = ".env.prod.enc"


def again(file: Sealed, **changes: str) -> Sealed:
    """The file as it is read from its text, in which words were replaced."""
    text = file.text
    for before, after in changes.items():
        text = text.replace(before, after)
    return sealed(text, name=file.name, target=file.target)


def made(values: dict[str, str] = VALUES, key: Key = KEY) -> Sealed:
    return new_file(NAME, "prod", key, values)


@given(
    st.dictionaries(
        st.from_regex("[A-Z_]{1,8}", fullmatch=True),
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",))),
    )
)
def test_what_goes_in_comes_out(values: dict[str, str]) -> None:
    assert opened(again(made(values)), (new_key(), KEY)) == values


def test_names_are_seen_and_values_are_not_even_by_their_length() -> None:
    text = made({"A": "True", "B": "False", "C": "x" * 31, "D": "x" * 32}).text
    lines = text.splitlines()
    assert lines[:3] == [
        "# Variables of the target 'prod', encrypted. `manage.py deploy_env` reads and changes them.",
        "# Commit this file, and never its key.",
        f"# key {KEY.id}",
    ]
    assert [line.partition("=sd1:")[0] for line in lines[3:]] == ["A", "B", "C", "D"]
    short, long = len(lines[3]), len(lines[6])
    assert ([len(line) for line in lines[3:]], long > short) == ([short, short, short, long], True)


def test_only_what_changes_is_encrypted_anew() -> None:
    before = made()
    after = changed(before, (KEY,), {"TOKEN": "canary-token", "DEBUG": "True", "NEW": "1"})
    assert (after.tokens["TOKEN"], after.tokens.keys()) == (before.tokens["TOKEN"], {"TOKEN", "DEBUG", "NEW"})
    assert after.tokens["DEBUG"] != before.tokens["DEBUG"]
    assert opened(after, (KEY,)) == {"TOKEN": "canary-token", "DEBUG": "True", "NEW": "1"}


def test_lines_that_git_merged_are_read() -> None:
    mine = changed(made(), (KEY,), {**VALUES, "MINE": "1"}).text.splitlines()
    theirs = changed(made(), (KEY,), {**VALUES, "THEIRS": "2"}).tokens["THEIRS"]
    merged = sealed("\n".join((*mine, f"THEIRS={theirs}")), name=NAME, target="prod")
    assert opened(merged, (KEY,)) == {**VALUES, "MINE": "1", "THEIRS": "2"}


def damaged(file: Sealed, **tokens: str) -> Sealed:
    return Sealed(file.name, file.target, file.key_id, {**file.tokens, **tokens})


def test_a_token_that_is_not_its_own_is_noticed() -> None:
    file = made()
    token = file.tokens["TOKEN"]
    flipped = f"{token[:30]}{'A' if token[30] != 'A' else 'B'}{token[31:]}"
    for bad in (
        damaged(file, TOKEN=file.tokens["DEBUG"]),
        damaged(file, TOKEN=flipped),
        damaged(file, TOKEN=token[:20]),
        damaged(file, TOKEN="sd1:"),
        damaged(file, TOKEN="sd1:&"),
        Sealed(NAME, "staging", file.key_id, file.tokens),
    ):
        with pytest.raises(ConfigError) as caught:
            opened(bad, (KEY,))
        assert str(caught.value) == (
            f"TOKEN in {NAME!r} is damaged, or is the value of another variable or target.\n"
            "Get the line back from git, or set the variable anew."
        )


def test_a_key_that_is_not_its_own_is_named() -> None:
    other = new_key()
    for act in (lambda: opened(made(), (other,)), lambda: changed(made(), (other,), {})):
        with pytest.raises(ConfigError) as caught:
            act()
        assert str(caught.value) == (
            f"The key {other.id} is not that of {NAME!r}, which is {KEY.id}.\n"
            "Get the right one from whoever changed the file last."
        )


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("<<<<<<< HEAD\n", "Line 7 of '.env.prod.enc' is a merge conflict."),
        ("no line\n", "Line 7 of '.env.prod.enc' is no NAME=value."),
        ("PLAIN=hunter2\n", "PLAIN is not encrypted in '.env.prod.enc'."),
        ("DEBUG=sd1:x\n", "'.env.prod.enc' has DEBUG twice."),
        ("# key 12345678\n", f"'.env.prod.enc' is of two keys, {KEY.id} and 12345678."),
    ],
)
def test_what_cannot_be_such_a_file_is_told(more: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sealed(made().text + more, name=NAME, target="prod")
    assert (caught.value.message, "hunter2" in str(caught.value), bool(caught.value.hint)) == (told, False, True)


def test_a_file_must_say_of_which_key_it_is() -> None:
    text = re.sub("# key .*\n", "", made().text)
    with pytest.raises(ConfigError, match="does not say of which key it is"):
        sealed(text, name=NAME, target="prod")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *about: Any, **more: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError("No module named 'cryptography'")
        return original(name, *about, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError) as caught:
        made()
    assert str(caught.value) == (
        "An encrypted environment file needs the package cryptography: No module named 'cryptography'.\n"
        "Install it: `python -m pip install cryptography`."
    )


# keys


def test_a_key_is_read_as_it_is_written_and_not_shown() -> None:
    key = new_key()
    assert keys_of(f"# in use\n{key.text}\n{KEY.text}=\n", where="here") == (key, KEY)
    assert keys_of(f"{key.text}, {KEY.text}", where="here") == (key, KEY)
    assert (repr(key), len(key.text), key.text in repr(key)) == (f"Key({key.id})", 43, False)


@pytest.mark.parametrize("text", ["", "# only a remark\n", "short", "\u00e9" * 43, "A" * 44, "A" * 42 + "&"])
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        keys_of(text, where="SELFDEPLOY_KEY")
    assert caught.value.message.startswith("SELFDEPLOY_KEY holds ")
    assert not text or text not in str(caught.value)


def test_a_variable_of_the_target_comes_before_the_common_one_before_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY.text)
    path.chmod(0o600)
    one, two = new_key(), new_key()
    here = {"SELFDEPLOY_KEY_MY_SITE": one.text, "SELFDEPLOY_KEY": two.text}
    found = [
        find_keys((path,), alias="my-site", surroundings=each) for each in (here, {"SELFDEPLOY_KEY": two.text}, {})
    ]
    assert [ring and (ring.key, ring.path) for ring in found] == [(one, None), (two, None), (KEY, path)]
    assert find_keys((tmp_path / "none",), alias="my-site", surroundings={}) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(KEY.text)
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        find_keys((path,), alias="prod", surroundings={})
    assert str(caught.value) == f"Others may read the key in '{path}'.\nRun `chmod 600 {path}`."


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "bytes").write_bytes(b"\xff")
    (tmp_path / "bytes").chmod(0o600)
    for name in ("folder", "bytes"):
        with pytest.raises(ConfigError, match="cannot be read"):
            find_keys((tmp_path / name,), alias="prod", surroundings={})


def test_files_of_keys_have_their_places() -> None:
    about: dict[str, Any] = {"alias": "prod", "name": "mysite-prod"}
    folder = Path("/work/site")
    usual = key_paths(folder, **about, named="", surroundings={"HOME": "/home/ann"})
    assert usual == (folder / ".env.prod.key", Path("/home/ann/.config/selfdeploy/mysite-prod.key"))
    assert key_paths(folder, **about, named="", surroundings={"XDG_CONFIG_HOME": "/c"})[1] == Path(
        "/c/selfdeploy/mysite-prod.key"
    )
    assert key_paths(folder, **about, named="keys/one", surroundings={}) == (folder / "keys/one",)
    assert key_paths(folder, **about, named="/etc/one", surroundings={}) == (Path("/etc/one"),)
    assert str(missing(NAME, "prod", usual)) == (
        "'.env.prod.enc' is encrypted, and there is no key for it.\n"
        "Set SELFDEPLOY_KEY, or put the key into /home/ann/.config/selfdeploy/mysite-prod.key with mode 0600."
    )
