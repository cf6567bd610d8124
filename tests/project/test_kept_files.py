"""Files that a project writes into its own folder are kept elsewhere; those that lie outside are left alone."""

from typing import Any

import pytest

from django_selfdeploy.project import kept_files
from django_selfdeploy.project.adjustment import Adjustment, Places
from django_selfdeploy.project.consistency.caches import FILES, SESSIONS
from django_selfdeploy.project.consistency.logs import SHARED

CODE, SHARE, LOG = "/srv/mysite/releases/1/source", "/srv/mysite/shared", "/srv/mysite/log/project"
PLACES = Places(CODE, f"{CODE}/site", "/srv/mysite/releases/1/public", SHARE, f"{SHARE}/media", LOG)


def logging(**handlers: dict[str, Any]) -> dict[str, Any]:
    return {"LOGGING": {"version": 1, "handlers": handlers, "root": {"handlers": list(handlers)}}}


def moved(found: tuple[Adjustment, ...]) -> dict[str, Any]:
    return dict(found[0].values["LOGGING"]["handlers"])


def test_a_log_file_in_the_release_is_kept_rotated_and_told() -> None:
    handler = {"class": "logging.FileHandler", "filename": "logs/debug.log", "formatter": "plain"}
    [found] = kept_files.logs(logging(file=handler), PLACES)
    assert (found.found, found.instead) == (
        "The log file 'logs/debug.log' is in the folder that a new release replaces.",
        "It is '/srv/mysite/log/project/debug.log', which outlives releases and is rotated.",
    )
    assert (found.identity(applied=True), found.identity(applied=False)) == ("selfdeploy.I076", "selfdeploy.E076")
    assert found.folders == (LOG,)
    assert found.values["LOGGING"]["root"] == {"handlers": ["file"]}
    assert moved((found,)) == {
        "file": {
            "class": SHARED,
            "filename": f"{LOG}/debug.log",
            "formatter": "plain",
            "maxBytes": 20_000_000,
            "backupCount": 5,
        }
    }
    assert handler["class"] == "logging.FileHandler"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            {"class": "logging.handlers.RotatingFileHandler", "maxBytes": 9, "backupCount": 3, "delay": True},
            {"class": SHARED, "maxBytes": 9, "backupCount": 3, "delay": True},
        ),
        (
            {"class": "logging.handlers.TimedRotatingFileHandler", "when": "midnight", "utc": True, "backupCount": 7},
            {"class": SHARED, "maxBytes": 20_000_000, "backupCount": 7},
        ),
        ({"class": "shop.logs.JsonFileHandler", "indent": 2}, {"class": "shop.logs.JsonFileHandler", "indent": 2}),
    ],
)
def test_what_a_handler_was_told_is_kept_where_it_can_be(given: dict[str, Any], kept: dict[str, Any]) -> None:
    path = f"{CODE}/site/shop.log"
    found = tuple(kept_files.logs(logging(file={**given, "filename": path}), PLACES))
    assert moved(found) == {"file": {**kept, "filename": f"{LOG}/shop.log"}}


def test_files_of_one_name_stay_apart_and_one_file_stays_one() -> None:
    plain = {"class": "logging.FileHandler"}
    names = {"a": "shop/site.log", "b": "mail/site.log", "c": "mail/site.log", "d": "one.log", "e": "one.log"}
    found = tuple(kept_files.logs(logging(**{key: {**plain, "filename": name} for key, name in names.items()}), PLACES))
    paths = {key: handler["filename"].rpartition("/")[2] for key, handler in moved(found).items()}
    assert paths == {
        "a": "site-shop-site.log",
        "b": "site-mail-site.log",
        "c": "site-mail-site.log",
        "d": "one.log",
        "e": "one.log",
    }
    assert len(found) == 5
    assert all(one.values == found[0].values for one in found)


@pytest.mark.parametrize(
    "logged",
    [
        {},
        {"LOGGING": None},
        {"LOGGING": "shop.logs.configure"},
        logging(console={"class": "logging.StreamHandler"}),
        logging(file={"class": "logging.FileHandler", "filename": "/var/log/mysite/site.log"}),
        logging(file={"()": "shop.logs.make", "filename": "site.log"}),
    ],
)
def test_other_logging_is_left_alone(logged: dict[str, Any]) -> None:
    assert tuple(kept_files.logs(logged, PLACES)) == ()
    assert kept_files.without_files(logging(console={"class": "x"})["LOGGING"])["handlers"] == {
        "console": {"class": "x"}
    }


def test_a_file_that_cannot_be_written_is_an_error_whatever_is_adjusted() -> None:
    values = logging(
        good={"class": "logging.FileHandler", "filename": "/var/log/good.log"},
        bad={"class": "logging.FileHandler", "filename": "/var/log/bad.log", "level": "INFO", "filters": ["x"]},
    )
    [found] = kept_files.unwritable(values, lambda path: "good" in path)
    assert found.identity(applied=True) == "selfdeploy.E077"
    assert found.found == "The log file '/var/log/bad.log' of the handler 'bad' cannot be written."
    assert moved((found,)) == {
        "good": values["LOGGING"]["handlers"]["good"],
        "bad": {"class": "logging.StreamHandler", "level": "INFO", "filters": ["x"]},
    }
    assert tuple(kept_files.unwritable(values, lambda path: True)) == ()


def test_cache_files_and_sessions_in_the_release_are_kept() -> None:
    caches = {"default": {"BACKEND": FILES, "LOCATION": "cache"}, "other": {"BACKEND": FILES, "LOCATION": "/var/cache"}}
    [found] = kept_files.caches({"CACHES": caches}, PLACES)
    assert (found.identity(applied=True), found.values["CACHES"]["default"]["LOCATION"]) == (
        "selfdeploy.I087",
        f"{SHARE}/site/cache",
    )
    assert found.values["CACHES"]["other"] == caches["other"]
    engine = f"{SESSIONS}.backends.file"
    [found] = kept_files.sessions({"SESSION_ENGINE": engine, "SESSION_FILE_PATH": f"{CODE}/sessions"}, PLACES)
    assert (found.values, found.folders) == ({"SESSION_FILE_PATH": f"{SHARE}/sessions"}, (f"{SHARE}/sessions",))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"SESSION_FILE_PATH": f"{CODE}/sessions", "SESSION_ENGINE": f"{SESSIONS}.backends.db"},
        {"SESSION_FILE_PATH": "/var/sessions", "SESSION_ENGINE": f"{SESSIONS}.backends.file"},
        {"SESSION_FILE_PATH": None, "SESSION_ENGINE": f"{SESSIONS}.backends.file"},
        {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "x"}}},
    ],
)
def test_other_caches_and_sessions_are_left_alone(values: dict[str, Any]) -> None:
    assert (*kept_files.caches(values, PLACES), *kept_files.sessions(values, PLACES)) == ()
