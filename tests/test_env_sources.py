"""Variables from all their sources: a later one overrides an earlier, and each knows where it comes from."""

import sys
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy import env_sources
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.env_options import EnvSources, env_options
from django_selfdeploy.env_sources import gather
from django_selfdeploy.options import Project
from django_selfdeploy.project.encrypted import new_file, new_key
from tests.making import target

KEY = new_key()
HERE = {"SELFDEPLOY_KEY": KEY.text}


def project(folder: Path, **env: Any) -> Project:
    return Project(folder, target("prod", ENV=env))


def says(text: str, *, errors: str = "", status: int = 0) -> list[str]:
    """A command that prints."""
    return [
        sys.executable,
        "-c",
        f"import sys; sys.stdout.write({text!r}); sys.stderr.write({errors!r}); sys.exit({status})",
    ]


def seal(folder: Path, **values: str) -> None:
    (folder / ".env.prod.enc").write_text(new_file(".env.prod.enc", "prod", KEY, values).text)


def sources(project: Project, here: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {name: (one.value.reveal(), one.source) for name, one in gather(project, here).variables.items()}


def test_a_later_source_overrides_an_earlier_name_by_name(tmp_path: Path) -> None:
    seal(tmp_path, A="sealed", B="sealed", C="sealed", D="sealed")
    (tmp_path / ".env.prod").write_text("B=local\nC=local\nD=local\n")
    made = project(tmp_path, INHERIT=["C", "D"], COMMANDS={"D": says("command\n")})
    assert sources(made, {**HERE, "C": "inherited", "D": "inherited", "E": "not named"}) == {
        "A": ("sealed", ".env.prod.enc"),
        "B": ("local", ".env.prod"),
        "C": ("inherited", "environment"),
        "D": ("command", f"command `{Path(sys.executable).name}`"),
    }
    found = gather(made, {**HERE, "C": "inherited", "D": "inherited"})
    assert found.text == Secret("A=sealed\nB=local\nC=inherited\nD=command\n")
    assert set(found.secrets) == {"sealed", "local", "inherited", "command", KEY.text}


def test_a_file_that_is_the_only_source_stays_as_it_is(tmp_path: Path) -> None:
    text = '# mine\nexport A="1 2"\n\nB=2\n'
    (tmp_path / ".env.prod").write_text(text)
    assert gather(project(tmp_path), {}).text == Secret(text)


def test_it_is_written_anew_where_another_django_environ_would_read_it_otherwise(tmp_path: Path) -> None:
    (tmp_path / ".env.prod").write_text("# mine\nA=one # two\n")
    assert gather(project(tmp_path), {}).text == Secret("A='one # two'\n")


def test_no_source_leaves_the_hosts_what_they_have_and_an_empty_file_does_not(tmp_path: Path) -> None:
    assert gather(project(tmp_path), {}).text is None
    (tmp_path / ".env").write_text("")
    assert gather(project(tmp_path), {}).text == Secret("")


def test_the_common_file_is_not_read_beside_an_encrypted_one(tmp_path: Path) -> None:
    """It is for development, mostly, and has DEBUG on."""
    (tmp_path / ".env").write_text("DEBUG=True\n")
    assert sources(project(tmp_path), {}) == {"DEBUG": ("True", ".env")}
    seal(tmp_path, A="1")
    assert sources(project(tmp_path), HERE) == {"A": ("1", ".env.prod.enc")}
    named = Project(tmp_path, target("prod", ENV_FILE=".env"))
    assert sources(named, HERE) == {"A": ("1", ".env.prod.enc"), "DEBUG": ("True", ".env")}


def test_an_encrypted_file_without_a_key_is_an_error(tmp_path: Path) -> None:
    seal(tmp_path, A="1")
    with pytest.raises(ConfigError, match="there is no key for it"):
        gather(project(tmp_path), {"HOME": str(tmp_path)})


def test_a_variable_that_no_source_has_is_missed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        gather(project(tmp_path, INHERIT=["TOKEN"]), {})
    assert str(caught.value) == (
        "TOKEN is not set here, and ENV['INHERIT'] takes it from the environment.\n"
        "Export it, or give it a value for this machine: `manage.py deploy_env set TOKEN`."
    )
    (tmp_path / ".env").write_text("TOKEN=local\n")
    assert sources(project(tmp_path, INHERIT=["TOKEN"]), {}) == {"TOKEN": ("local", ".env")}


def test_a_value_that_no_file_holds_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        gather(project(tmp_path, COMMANDS={"TOKEN": says("one\ntwo-canary\n")}), {})
    assert (caught.value.message, "canary" in str(caught.value)) == (
        "The value of TOKEN has more than one line.",
        False,
    )


def told(folder: Path, command: list[str]) -> str:
    with pytest.raises(ConfigError) as caught:
        gather(project(folder, COMMANDS={"TOKEN": command}), {})
    return caught.value.message.replace(Path(sys.executable).name, "python")


def test_a_command_that_fails_is_told_by_its_last_line_without_what_it_printed(tmp_path: Path) -> None:
    said = "The command `python` for the variable TOKEN "
    assert told(tmp_path, says("", errors="first\nLocked.\n", status=3)) == f"{said}ended with status 3: Locked."
    assert told(tmp_path, says("canary", errors="canary is odd\n", status=1)) == f"{said}ended with status 1."
    assert (
        told(tmp_path, says("a canary", errors="canary is odd\n", status=1))
        == f"{said}ended with status 1: ******** is odd."
    )
    assert told(tmp_path, ["no-such-command"]).endswith("cannot be run: No such file or directory.")
    odd = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(bytes([255]))"]
    assert told(tmp_path, odd) == f"{said}printed something that is not UTF-8."


def test_a_command_has_a_limited_time_and_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_sources, "COMMAND_SECONDS", 0.2)
    assert told(tmp_path, ["sleep", "30"]) == "The command `sleep` for the variable TOKEN took more than 0.2 seconds."
    monkeypatch.undo()
    command = [sys.executable, "-c", "open('asked', 'a').write('x'); print('value')"]
    for _ in range(2):
        assert sources(project(tmp_path, COMMANDS={"TOKEN": command}), {})["TOKEN"][0] == "value"
    assert (tmp_path / "asked").read_text() == "x"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"INHERIT": ["A B"]}, "here names 'A B', which is no variable."),
        ({"COMMANDS": ["pass"]}, "here['COMMANDS'] is not a dictionary."),
        ({"COMMANDS": {"1A": ["pass"]}}, "here names '1A', which is no variable."),
        ({"COMMANDS": {"A": "pass show"}}, "here['COMMANDS']['A'] is no list of words."),
        ({"COMMANDS": {"A": []}}, "here['COMMANDS']['A'] is no list of words."),
        ({"COMAND": {}}, "here has the unknown key 'COMAND'."),
    ],
)
def test_settings_that_cannot_be_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        env_options("here", given)
    assert (caught.value.message, bool(caught.value.hint)) == (message, True)


def test_settings_are_typed() -> None:
    assert env_options("here", {"COMMANDS": {"A": ["pass", "a"]}}) == EnvSources((), {"A": ("pass", "a")}, "")
