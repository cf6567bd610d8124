"""`deploy_env`: variables are seen, compared and changed where they are kept, and what runs is restarted if they did."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_selfdeploy import changing, operations
from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.files import Write
from django_selfdeploy.core.actions.variables import KeepVariables, NoteVariables, SetVariables
from django_selfdeploy.core.errors import HostError, RunnerLost
from django_selfdeploy.core.secret import MASK, Secret
from django_selfdeploy.core.state import HostState
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.project.encrypted import keys_of, opened, sealed
from tests.making import OLD, OLDER, deployed, entry, facts, host_state, release

ANSWERS = {"facts": facts().to_json(), "check_server": {}, "collectstatic": {}, "migrate": {}}
RUNS = "TOKEN=canary-old\nDEBUG=False\n"
RESTARTED = "20260101-000000-restart"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without variables, in a home of its own."""
    (tmp_path / "manage.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", f"{tmp_path}/home")
    for name in ("SELFDEPLOY_KEY", "XDG_CONFIG_HOME", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def state(live: str = RUNS, kept: str = RUNS) -> HostState:
    return replace(deployed(release(OLD)), live_variables=Secret(live), kept_variables=Secret(kept))


@pytest.fixture
def on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fleet]:
    """Makes the hosts that the command finds, by their states."""

    def made(*states: HostState, **replies: Any) -> Fleet:
        replies = {"manifest": (entry("manage.py"),), **replies}
        names = ("",) if len(states) == 1 else ("web1", "web2")
        hosts = {n: MemoryConnection(s, answers=ANSWERS, replies=replies) for n, s in zip(names, states, strict=True)}
        fleet = Fleet({**hosts})
        for room in (changing, operations):
            monkeypatch.setattr(room, "connected", lambda project: contextlib.nullcontext(fleet))
        monkeypatch.setattr(changing, "reached", lambda project: contextlib.nullcontext({**hosts}))
        return fleet

    return made


def said(*words: str, env: dict[str, Any] | None = None) -> str:
    out, errors = io.StringIO(), io.StringIO()
    with override_settings(SELFDEPLOY={"default": {"ENV": env or {}}, "production": {}}):
        call_command("deploy_env", *words, stdout=out, stderr=errors, no_color=True)
    return out.getvalue() + errors.getvalue()


def refused(*words: str, **about: Any) -> str:
    with pytest.raises(CommandError) as caught:
        said(*words, **about)
    assert caught.value.returncode == 3
    return str(caught.value)


def done(fleet: Fleet, kind: type) -> list[Any]:
    return [action for action in fleet.first.done if isinstance(action, kind)]  # type: ignore[attr-defined]


def about(fleet: Fleet) -> dict[str, Any]:
    found = fleet.first.about  # type: ignore[attr-defined]
    assert isinstance(found, dict)
    return found


# to see


def test_a_list_tells_names_sources_and_what_is_live(folder: Path, on: Any) -> None:
    on(state())
    (folder / ".env").write_text("TOKEN=canary-new\nDEBUG=False\nMORE=1\n")
    assert said("list") == (
        "DEBUG  ********  .env  live\nMORE   ********  .env  not live\nTOKEN  ********  .env  not live\n"
    )
    assert "TOKEN  canary-new  .env  not live\n" in said("list", "--reveal")
    assert json.loads(said("list", "--json"))["variables"][2] == {
        "name": "TOKEN", "value": MASK, "source": ".env", "live": False,
    }  # fmt: skip
    assert json.loads(said("list", "--json"))["hosts"] == {"": {"new": ["MORE"], "changed": ["TOKEN"], "gone": []}}


def test_without_a_source_here_it_tells_what_the_hosts_keep(on: Any) -> None:
    on(state(kept="TOKEN=canary-old\n"))
    assert said("list") == "TOKEN  ********  shared/.env  live\nDEBUG  is live, and not here\n"


def test_before_the_first_deployment_nothing_is_live(folder: Path, on: Any) -> None:
    on(host_state())
    (folder / ".env").write_text("A=1\n")
    assert said("list") == "A  ********  .env  nothing is live\n"


def test_a_host_that_does_not_answer_is_told_and_the_list_is_shown(
    folder: Path, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(state())
    (folder / ".env").write_text("A=1\n")
    monkeypatch.setattr(changing, "reached", lambda project: contextlib.nullcontext({"": HostError("It is off.")}))
    assert said("list") == "A  ********  .env  nothing is live\nthis machine does not answer: It is off.\n"
    with pytest.raises(CommandError, match="It is off"):
        said("diff")


def test_one_value_is_printed_as_it_is(folder: Path, on: Any) -> None:
    on(state(), variables={OLDER: Secret("TOKEN='canary older'\n")})
    assert said("get", "TOKEN") == "canary-old\n"
    (folder / ".env").write_text("TOKEN=canary-new\n")
    assert said("get", "TOKEN") == "canary-new\n"
    assert said("get", "TOKEN", "--release", OLDER) == "canary older\n"
    assert json.loads(said("get", "TOKEN", "--json")) == {"name": "TOKEN", "value": "canary-new"}
    with pytest.raises(CommandError, match="There is no variable NONE") as caught:
        said("get", "NONE")
    assert caught.value.returncode == 14


def test_a_difference_is_told_without_values(folder: Path, on: Any) -> None:
    on(state(), state(live="TOKEN=canary-new\n"), variables={OLDER: Secret("TOKEN=x\n"), "": Secret(RUNS)})
    (folder / ".env").write_text("TOKEN=canary-new\n")
    assert said("diff") == "web1: - DEBUG\nweb1: ~ TOKEN\nweb2: no difference\n"
    assert said("diff", OLDER) == "+ DEBUG\n~ TOKEN\n"
    assert json.loads(said("diff", "--json"))["hosts"]["web1"] == {"new": [], "changed": ["TOKEN"], "gone": ["DEBUG"]}
    on(host_state())
    with pytest.raises(CommandError, match="Nothing is live"):
        said("diff")


# to change


def test_a_local_file_is_changed_line_by_line_and_what_runs_is_restarted(folder: Path, on: Any) -> None:
    fleet = on(state())
    (folder / ".env").write_text("# mine\nTOKEN=canary-old\nDEBUG=False\nTOKEN=canary-older\n")
    (folder / ".env").chmod(0o640)
    told = said("set", "TOKEN=canary new", "MORE=1")
    assert (folder / ".env").read_text() == "# mine\nDEBUG=False\nTOKEN='canary new'\nMORE=1\n"
    assert (folder / ".env").stat().st_mode & 0o777 == 0o640
    assert told.startswith(".env: 1 changed: TOKEN; 1 new: MORE\n")
    assert "canary" not in told
    assert (about(fleet)["kind"], about(fleet)["subject"]) == ("restart", "variables: 1 changed: TOKEN; 1 new: MORE")
    assert done(fleet, NoteVariables) == [NoteVariables("1 changed: TOKEN; 1 new: MORE")]
    [write] = [one for one in done(fleet, Write) if one.path.endswith("/.env")]
    assert write == Write(
        f"/srv/mysite/releases/{RESTARTED}/source/.env".replace("/srv/mysite", fleet.first.state.root),
        Secret("# mine\nDEBUG=False\nTOKEN='canary new'\nMORE=1\n"),
        0o600,
    )
    assert len(done(fleet, KeepVariables)) == 1


def test_variables_are_taken_out(folder: Path, on: Any) -> None:
    on(state())
    (folder / ".env").write_text("A=1\nB=2\nexport A=3\n")
    assert said("unset", "A", "--no-push") == ".env: 1 gone: A\n"
    assert (folder / ".env").read_text() == "B=2\n"
    assert refused("unset", "NONE") == "There is no variable NONE.\n`deploy_env list` shows those that there are."


def test_nothing_is_restarted_where_nothing_changed(folder: Path, on: Any) -> None:
    fleet = on(state(live="A=1\n"))
    (folder / ".env").write_text("A=1\n")
    assert said("set", "A=1") == ".env: none changed\nNothing changed.\n"
    assert fleet.first.about is None
    assert said("push").endswith(f"{OLD} runs with these values already.\n")
    assert (done(fleet, Write), type(fleet.first.abandoned).__name__) == ([], "Unchanged")
    said("push", "--force")
    assert done(fleet, Write) != []


def test_before_the_first_deployment_only_the_file_is_written(folder: Path, on: Any) -> None:
    on(host_state())
    (folder / ".env").write_text("")
    assert said("set", "A=1").endswith("Nothing is live yet; the next deployment takes them along.\n")
    assert json.loads(said("set", "A=2", "--json").splitlines()[-1])["outcome"] is None


def test_a_value_by_standard_input_is_in_no_history(folder: Path, on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on(state())
    monkeypatch.setattr("sys.stdin", io.StringIO("canary in\n"))
    (folder / ".env").write_text("")
    said("set", "TOKEN", "-", "B=2", "--no-push")
    assert (folder / ".env").read_text() == "TOKEN='canary in'\nB=2\n"
    assert (
        refused("set", "TOKEN")
        == "TOKEN has no value.\nWrite TOKEN=VALUE, or TOKEN - and give the value by standard input."
    )


def test_what_the_hosts_keep_is_changed_on_all_of_them(on: Any) -> None:
    fleet = on(state(), state(live="TOKEN=canary-2\n", kept="TOKEN=canary-2\n"))
    said("set", "TOKEN=canary-new")
    written = [
        action.text.reveal()
        for host in fleet.connections.values()
        for action in host.done
        if isinstance(action, Write) and action.path.endswith("/.env") and isinstance(action.text, Secret)
    ]
    assert written == ["TOKEN=canary-new\nDEBUG=False\n", "TOKEN=canary-new\n"]


def test_what_the_hosts_keep_is_changed_without_a_restart(on: Any) -> None:
    fleet = on(state())
    said("set", "TOKEN=canary-new", "--no-push")
    kept = f"{fleet.first.state.root}/shared/.env"
    assert fleet.first.done == [
        SetVariables(kept, Secret("TOKEN=canary-new\nDEBUG=False\n")),
        NoteVariables("1 changed: TOKEN"),
    ]


def test_an_encrypted_file_is_made_from_what_there_is_and_then_comes_first(folder: Path, on: Any) -> None:
    on(state())
    (folder / ".env").write_text("DEBUG=False\n")
    told = said("set", "--in", "encrypted", "TOKEN=canary-new", "--no-push")
    key = next((folder / "home/.config/selfdeploy").iterdir())
    assert told == (f".env.default.enc: 1 new: TOKEN\nCommit .env.default.enc, and never its key, which is in {key}.\n")
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "canary" not in (folder / ".env.default.enc").read_text()
    assert said("list", "--reveal") == (
        "DEBUG  False       .env.default.enc  live\nTOKEN  canary-new  .env.default.enc  not live\n"
    )
    said("set", "TOKEN=canary-3", "--no-push")
    assert (said("get", "TOKEN"), (folder / ".env").read_text()) == ("canary-3\n", "DEBUG=False\n")


def test_what_the_hosts_keep_is_taken_along_into_the_first_file_here(folder: Path, on: Any) -> None:
    on(state())
    said("set", "--in", "encrypted", "MORE=1", "--no-push")
    assert said("diff") == "+ MORE\n"


def test_a_value_that_another_source_overrides_is_warned_of(folder: Path, on: Any) -> None:
    on(state())
    (folder / ".env.default").write_text("A=local\n")
    told = said("set", "--in", "encrypted", "A=sealed", "--no-push")
    assert "warning: A comes from .env.default, which overrides .env.default.enc.\n" in told
    assert refused("set", "--in", "host", "A=1").startswith("The variables of this target come from this machine")


def test_a_rehearsal_changes_nothing(folder: Path, on: Any) -> None:
    fleet = on(state())
    (folder / ".env").write_text("A=1\n")
    assert said("set", "A=2", "B=3", "--dry-run") == ".env, and then what is live: 1 changed: A; 1 new: B\n"
    assert said("push", "--dry-run") == "+ A\n- DEBUG\n- TOKEN\n"
    assert ((folder / ".env").read_text(), fleet.first.about) == ("A=1\n", None)


def test_an_editor_gets_a_private_file_that_is_judged_and_removed(
    folder: Path, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(state())
    (folder / ".env").write_text("A=1\n")
    script = folder / "editor"
    script.write_text('#!/bin/sh\nstat -c "%a %n" "$2" "${2%/*}" > "$1"; sed -i s/A=1/A=canary/ "$2"\n')
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", f"{script} {folder}/seen")
    said("edit", "--no-push")
    (mode, path), (above, place) = (line.split() for line in (folder / "seen").read_text().splitlines())
    assert (mode, above, os.path.exists(place), path.startswith(place)) == ("600", "700", False, True)
    assert (folder / ".env").read_text() == "A=canary\n"
    for editor, told in {
        "sed -i s/A=/-/": "Line 1 of '.env' is no NAME=value.",
        "false": "The editor 'false' ended with status 1.",
        "no-such-editor": "The editor 'no-such-editor' cannot be run: No such file or directory.",
    }.items():
        monkeypatch.setenv("EDITOR", editor)
        assert refused("edit").splitlines()[0] == told
        assert (folder / ".env").read_text() == "A=canary\n"


def test_another_key_encrypts_all_values_anew_and_the_old_file_is_kept(folder: Path, on: Any) -> None:
    on(state())
    path = folder / ".env.default.enc"
    assert refused("rotate").startswith("There is no encrypted file '.env.default.enc'.")
    said("set", "--in", "encrypted", "A=canary", "--no-push")
    before = path.read_text()
    key = next((folder / "home/.config/selfdeploy").iterdir())
    assert "would be encrypted anew" in said("rotate", "--dry-run")
    assert path.read_text() == before
    assert json.loads(said("rotate", "--json")) == {"key_file": str(key), "written": True}
    old, new = (sealed(text, name="x", target="default") for text in (before, path.read_text()))
    keys = keys_of(key.read_text(), where="here")
    assert [each.id for each in keys] == [new.key_id, old.key_id]
    assert old.tokens["A"] != new.tokens["A"]
    assert opened(old, keys) == opened(new, keys[:1]) == {**opened(new, keys), "A": "canary"}
    assert (folder / ".env.default.enc.previous").read_text() == before


def test_a_key_in_a_variable_is_not_replaced(folder: Path, on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on(state())
    said("set", "--in", "encrypted", "A=canary", "--no-push")
    key = next((folder / "home/.config/selfdeploy").iterdir())
    monkeypatch.setenv("SELFDEPLOY_KEY", keys_of(key.read_text(), where="here")[0].text)
    key.unlink()
    assert said("get", "A") == "canary\n"
    assert refused("rotate").startswith("The key is in a variable")


def test_another_secret_key_keeps_the_old_one_for_sessions(folder: Path, on: Any) -> None:
    on(state())
    (folder / ".env").write_text("SECRET_KEY=old-key\n")
    said("rotate", "SECRET_KEY", "--no-push")
    new = said("get", "SECRET_KEY").strip()
    assert (len(new), new.isalnum(), said("get", "SECRET_KEY_FALLBACKS")) == (64, True, "old-key\n")
    assert refused("rotate", "TOKEN").startswith("No value of TOKEN can be made up.")


def test_a_target_may_come_first(folder: Path, on: Any) -> None:
    on(state())
    (folder / ".env.production").write_text("A=1\n")
    assert said("get", "production", "A") == "1\n"
    assert said("set", "production", "A=2", "--no-push") == ".env.production: 1 changed: A\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("list", "more"), "'more' is too much."),
        (("get",), "No variable is named."),
        (("get", "A", "B"), "'B' is too much."),
        (("diff", "1", "2", "3"), "'3' is too much."),
        (("set",), "Nothing is set."),
        (("unset",), "Nothing is named."),
        (("set", "prodction", "A=1"), "prodction has no value."),
        (("set", "a-b=1"), "'a-b' is neither a target nor a variable."),
        (("list", "--force"), "`deploy_env list` has no --force."),
        (("push", "--in", "local"), "`deploy_env push` has no --in."),
    ],
)
def test_words_that_do_not_fit_are_refused(on: Any, words: tuple[str, ...], told: str) -> None:
    fleet = on(state())
    assert refused(*words).splitlines()[0] == told
    assert fleet.first.about is None


def test_a_value_that_no_file_holds_changes_nothing(folder: Path, on: Any) -> None:
    on(state())
    (folder / ".env").write_text("A=1\n")
    assert refused("set", "A=one\ntwo").startswith("The value of A has more than one line.")
    assert (folder / ".env").read_text() == "A=1\n"


@pytest.mark.parametrize("there", [True, False])
def test_a_change_that_the_hosts_refuse_is_none(folder: Path, on: Any, there: bool) -> None:
    path = folder / ".env.default"
    if there:
        path.write_text("TOKEN=canary-old\n# a remark\n")
    else:
        (folder / ".env").write_text("TOKEN=canary-old\n")
    before = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
    fleet = on(state(kept="TOKEN=canary-old\n"))
    fleet.first.fail_at("facts", ActionFailed("It does not load."))
    with pytest.raises(CommandError) as caught:
        said("set", *(() if there else ("--in", "encrypted")), "TOKEN=canary-new")
    name = ".env.default" if there else ".env.default.enc"
    assert str(caught.value).endswith(f" {name} is as it was before.")
    assert {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()} == before


def test_a_file_stays_changed_where_nobody_knows_what_the_host_does(
    folder: Path, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("TOKEN=canary-old\n")
    on(state())

    def lost(*args: Any, **more: Any) -> Any:
        raise RunnerLost("The connection died.")

    monkeypatch.setattr(changing, "restart", lost)
    with pytest.raises(CommandError):
        said("set", "TOKEN=canary-new")
    assert (folder / ".env").read_text() == "TOKEN=canary-new\n"


def test_an_editor_that_is_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom django_selfdeploy.project.private import private_folder, write_private\n"
        "with private_folder() as folder:\n    write_private(folder / 'x', 'canary')\n"
        "    print(folder, flush=True)\n    os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    ended = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True)
    assert (ended.returncode, os.path.exists(ended.stdout.strip())) == (129, False)
