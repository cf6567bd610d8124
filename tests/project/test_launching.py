"""How a release's processes start, what settings they see, and how they name themselves."""

import grp
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import override_settings

from django_selfdeploy import launch
from django_selfdeploy.core.errors import SourceError
from django_selfdeploy.core.manifest import FILE, Entry
from django_selfdeploy.kept import KeptSource
from django_selfdeploy.serving import below, naming_release, share, warm
from tests.making import entry, small_release

# the header with the release's id


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def asked(**environ: str) -> tuple[str, list[tuple[str, str]], list[bytes]]:
    answers: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *more: Any) -> None:
        answers.append((status, headers))

    body = naming_release(application, "r1")({"PATH_INFO": "/", **environ}, start_response)
    [(status, headers)] = answers
    return status, headers, list(body)


def test_an_answer_names_its_release_to_who_asks() -> None:
    assert asked(HTTP_X_SELFDEPLOY_PROBE="1") == (
        "200 OK",
        [("Content-Type", "text/plain"), ("X-Selfdeploy-Release", "r1")],
        [b"hello"],
    )


def test_and_to_nobody_else() -> None:
    assert asked() == ("200 OK", [("Content-Type", "text/plain")], [b"hello"])
    assert asked(HTTP_X_SELFDEPLOY_RELEASE="r2")[1] == [("Content-Type", "text/plain")]


def test_an_error_that_replaces_an_answer_is_named_too() -> None:
    seen: list[Any] = []

    def failing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("500 Oh", [], ("type", "value", None))
        return []

    naming_release(failing, "r1")({"HTTP_X_SELFDEPLOY_PROBE": "1"}, lambda *given: seen.append(given))
    assert seen == [("500 Oh", [("X-Selfdeploy-Release", "r1")], ("type", "value", None))]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/app/about/", ("/app", "/about/")),
        ("/app/", ("/app", "/")),
        ("/app", ("/app", "")),
        ("/app/app/", ("/app", "/app/")),
    ],
)
def test_a_site_below_a_path_is_asked_for_what_comes_after_it(path: str, given: tuple[str, str]) -> None:
    def site(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return [environ["SCRIPT_NAME"].encode(), environ["PATH_INFO"].encode()]

    expected = [part.encode() for part in given]
    assert below(site, "/app")({"PATH_INFO": path}, lambda *given: None) == expected
    known = {"SCRIPT_NAME": "/app", "PATH_INFO": path.removeprefix("/app")}
    assert below(site, "/app")(known, lambda *given: None) == [b"/app", known["PATH_INFO"].encode()]


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/", "302 Found", "/my%20app/"),
        ("", "302 Found", "/my%20app/"),
        ("/my apple/", "404 Not Found", None),
        ("/static/", "404 Not Found", None),
    ],
)
def test_beside_the_path_there_is_no_site(path: str, status: str, location: str | None) -> None:
    seen: list[Any] = []
    below(application, "/my app")({"PATH_INFO": path}, lambda *given: seen.append(given))
    [(found, headers)] = seen
    assert (found, dict(headers).get("Location")) == (status, location)


def test_the_socket_is_shared_with_a_group(tmp_path: Path) -> None:
    (tmp_path / "socket").touch()
    share(str(tmp_path / "socket"), grp.getgrgid(os.getegid()).gr_name)
    assert (tmp_path / "socket").stat().st_gid == os.getegid()
    with pytest.raises(KeyError):
        share(str(tmp_path / "socket"), "no-such-group")


# the first request of a worker


def test_a_worker_that_was_warmed_up_has_loaded_the_projects_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "warmed_up_urls.py").write_text("urlpatterns = []\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with override_settings(ROOT_URLCONF="warmed_up_urls"):
        warm()
    assert sys.modules.pop("warmed_up_urls").urlpatterns == []


def test_what_cannot_be_loaded_is_for_the_request_to_tell() -> None:
    with override_settings(ROOT_URLCONF="no_such_urls"):
        warm()


# the launcher


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release whose project prints what it was started with."""
    (tmp_path / "release/etc").mkdir(parents=True)
    (tmp_path / "release/source").mkdir()
    (tmp_path / "shared").mkdir()
    constants = {
        "SELFDEPLOY_PROJECT": f"{tmp_path}/release/source",
        "SELFDEPLOY_SHARED": f"{tmp_path}/shared",
        "SELFDEPLOY_VARIABLES": f"{tmp_path}/release/source/.env",
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
    }
    (tmp_path / "release/etc/environment.json").write_text(json.dumps(constants))
    before = dict(os.environ)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    yield tmp_path / "release"
    os.environ.clear()
    os.environ.update(before)


def test_constants_come_before_variables_and_the_kept_key_last(release: Path) -> None:
    (release / "source/.env").write_text("LANG=de\nCOLOUR=green\n")
    (release.parent / "shared/secret_key").write_text("kept-key\n")
    assert launch.surroundings(str(release)) == f"{release}/source"
    assert {name: os.environ[name] for name in ("LANG", "COLOUR", "SECRET_KEY")} == {
        "LANG": "C.UTF-8",
        "COLOUR": "green",
        "SECRET_KEY": "kept-key",
    }


def test_a_key_of_the_projects_own_is_used(release: Path) -> None:
    (release / "source/.env").write_text("SECRET_KEY=own-key\n")
    (release.parent / "shared/secret_key").write_text("kept-key\n")
    launch.surroundings(str(release))
    assert os.environ["SECRET_KEY"] == "own-key"


def test_neither_variables_nor_a_kept_key_are_needed(release: Path) -> None:
    launch.surroundings(str(release))
    assert "SECRET_KEY" not in os.environ


def launched(release: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = (sys.executable, "-m", "django_selfdeploy.launch", str(release), *words)
    package = {"PYTHONPATH": str(Path(launch.__file__).parents[1]), "PATH": "/nowhere"}
    return subprocess.run(line, capture_output=True, text=True, env=package)


def test_a_command_replaces_the_launcher_in_the_projects_folder(release: Path) -> None:
    (release / "source/.env").write_text("COLOUR=green\n")
    done = launched(release, "sh", "-c", 'echo "$PWD $COLOUR $LANG"; exit 3')
    assert (done.stdout, done.stderr, done.returncode) == (f"{release}/source green C.UTF-8\n", "", 3)


def test_a_command_that_is_not_there_is_named(release: Path) -> None:
    done = launched(release, "no-such-command")
    assert (done.stderr, done.returncode) == ("'no-such-command' cannot be run: No such file or directory.\n", 1)


# the settings of a release


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Surroundings as the launcher sets them; modules can be put beside the project."""
    for name in ("code", "project"):
        monkeypatch.setenv(f"SELFDEPLOY_{name.upper()}", f"{tmp_path}/source")
    monkeypatch.setenv("SELFDEPLOY_PUBLIC", f"{tmp_path}/public")
    monkeypatch.setenv("SELFDEPLOY_SHARED", f"{tmp_path}/shared")
    monkeypatch.setenv("SELFDEPLOY_MEDIA", f"{tmp_path}/shared/media")
    monkeypatch.setenv("SELFDEPLOY_ROOT", str(tmp_path))
    monkeypatch.setenv("SELFDEPLOY_SETTINGS", "made_up_settings")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("django_selfdeploy.live_settings", "made_up_settings"):
        sys.modules.pop(name, None)


def live(places: Path, text: str) -> ModuleType:
    (places / "made_up_settings.py").write_text(text)
    importlib.invalidate_caches()
    return importlib.import_module("django_selfdeploy.live_settings")


PLAIN = 'DEBUG = True\nSECRET_KEY = "django-insecure-x"\nALLOWED_HOSTS = []\nSTATIC_URL = "static/"\nlower = 1\n'


def test_what_is_unsafe_is_put_right_and_told(places: Path) -> None:
    (places / "shared").mkdir()
    (places / "shared/secret_key").write_text("kept-key\n")
    found = live(places, PLAIN)
    assert (
        False,
        "kept-key",
        ["localhost", "127.0.0.1", "[::1]"],
        f"{places}/public/static",
        f"{places}/shared/media",
    ) == (found.DEBUG, found.SECRET_KEY, found.ALLOWED_HOSTS, found.STATIC_ROOT, found.MEDIA_ROOT)
    assert [one.number for one in found.SELFDEPLOY_ADJUSTMENTS] == [0, 1, 2, 3]
    assert not hasattr(found, "lower")


def test_where_that_is_not_wanted_it_is_only_told(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFDEPLOY_ADJUST", "0")
    found = live(places, PLAIN)
    assert (True, "django-insecure-x", f"{places}/public/static") == (found.DEBUG, found.SECRET_KEY, found.STATIC_ROOT)
    assert [one.number for one in found.SELFDEPLOY_ADJUSTMENTS] == [0, 1, 2, 3]


def test_a_dry_run_before_there_is_a_key_has_one_all_the_same(places: Path) -> None:
    assert len(live(places, PLAIN).SECRET_KEY) >= 50


def test_static_files_of_another_host_stay_where_the_project_wants_them(places: Path) -> None:
    found = live(places, 'SECRET_KEY = "x"\nALLOWED_HOSTS = ["a"]\nSTATIC_URL = "https://cdn/"\nSTATIC_ROOT = "/s"\n')
    assert found.STATIC_ROOT == "/s"


# the source of a release that is on the host


def test_a_source_that_is_on_the_host_sends_nothing() -> None:
    entries = (entry("manage.py", "x"), Entry("a", "b" * 40, FILE, 1))
    made = KeptSource.of(small_release("r1", project="site", subject="Welcome", commit="c" * 40), entries)
    assert (made.kind, made.commit, made.dirty, made.subject, made.project, made.entries, made.left_out) == (
        "release",
        "c" * 40,
        False,
        "Welcome",
        "site",
        entries,
        (),
    )
    assert (list(made.read(())), made.text("manage.py")) == ([], None)
    assert KeptSource.of(small_release("r1"), ()).commit is None


def test_a_file_that_was_changed_on_the_host_is_told() -> None:
    with pytest.raises(SourceError) as caught:
        KeptSource.of(small_release("r1"), ()).read(["0123456789"])
    assert str(caught.value) == (
        "A file of the live release was changed on the host: its bytes are no longer 01234567.\n"
        "Deploy instead of restarting: `manage.py deploy --force`."
    )


# log files

LOGGED = """
LOGGING = {
    "version": 1,
    "handlers": {"file": {"class": "logging.FileHandler", "level": "INFO", "filename": %r}},
    "root": {"handlers": ["file"]},
}
"""


def test_a_log_file_of_the_release_is_kept_and_its_folder_made(places: Path) -> None:
    found = live(places, LOGGED % "debug.log")
    assert found.LOGGING["handlers"]["file"]["filename"] == f"{places}/log/project/debug.log"
    assert (places / "log/project").is_dir()
    assert found.LOGGING["root"] == {"handlers": ["file"]}


def test_the_folder_of_a_log_file_elsewhere_is_made(places: Path) -> None:
    found = live(places, LOGGED % f"{places}/elsewhere/site.log")
    assert found.LOGGING["handlers"]["file"]["class"] == "logging.FileHandler"
    assert (places / "elsewhere").is_dir()


def test_a_log_file_that_cannot_be_written_stops_the_release_and_not_its_processes(places: Path) -> None:
    (places / "occupied").touch()
    found = live(places, LOGGED % f"{places}/occupied/site.log")
    assert found.LOGGING["handlers"] == {"file": {"class": "logging.StreamHandler", "level": "INFO"}}
    assert [one.identity(applied=True) for one in found.SELFDEPLOY_ADJUSTMENTS if one.number > 6] == ["selfdeploy.E077"]


def test_a_dry_run_opens_no_log_file_and_makes_no_folder(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFDEPLOY_DRY", "1")
    found = live(places, LOGGED % "logs/debug.log")
    assert found.LOGGING["handlers"] == {"file": {"class": "logging.NullHandler", "level": "INFO"}}
    assert not (places / "log").exists()
    assert "selfdeploy.I076" in {one.identity(applied=True) for one in found.SELFDEPLOY_ADJUSTMENTS}
