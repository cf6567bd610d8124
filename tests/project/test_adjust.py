"""Settings that would be unsafe go live put right, each of them told; others are left alone."""

from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.project.adjust import Adjustment, Places, adjustments, static_root

CODE = "/srv/mysite/releases/1/source"
PLACES = Places(CODE, CODE, "/srv/mysite/releases/1/public", "/srv/mysite/shared", "/srv/mysite/shared/media")

SAFE: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": "a-key-of-its-own",
    "ALLOWED_HOSTS": ["example.com"],
    "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "mysite"}},
    "MEDIA_ROOT": "/var/media",
    "MEDIA_URL": "/media/",
}


def found(places: Places = PLACES, **changes: Any) -> tuple[Adjustment, ...]:
    return adjustments({**SAFE, **changes}, places, lambda: "kept-key")


def sqlite(name: object, engine: str = "django.db.backends.sqlite3") -> dict[str, Any]:
    return {"ENGINE": engine, "NAME": name}


def test_settings_that_are_safe_are_left_alone() -> None:
    assert found() == ()


def test_everything_of_a_plain_startproject_is_put_right() -> None:
    plain = {
        "DEBUG": True,
        "SECRET_KEY": "django-insecure-abc",
        "ALLOWED_HOSTS": [],
        "DATABASES": {"default": sqlite(Path(CODE) / "db.sqlite3")},
        "STATIC_URL": "static/",
    }
    moved = sqlite(Path("/srv/mysite/shared/db.sqlite3"))
    assert adjustments(plain, PLACES, lambda: "kept-key") == (
        Adjustment(
            0,
            "MEDIA_ROOT is '', in the folder that a new release replaces.",
            "Uploads are kept in '/srv/mysite/shared/media', which outlives releases.",
            "Nothing needs to be done; a MEDIA_ROOT outside of the project is left alone.",
            {"MEDIA_ROOT": "/srv/mysite/shared/media"},
        ),
        Adjustment(
            1,
            "DEBUG is on.",
            "The release runs with DEBUG = False.",
            'Write DEBUG = env.bool("DEBUG", default=False), as `manage.py deploy_init` does.',
            {"DEBUG": False},
        ),
        Adjustment(
            2,
            "SECRET_KEY is the one that startproject made, or empty.",
            "The release uses a key of its own, made once and kept in shared/secret_key.",
            'Write SECRET_KEY = env("SECRET_KEY"), and put the key into .env: `manage.py deploy_init` does both.',
            {"SECRET_KEY": "kept-key"},
        ),
        Adjustment(
            3,
            "ALLOWED_HOSTS is empty.",
            "The release answers to localhost, 127.0.0.1, [::1] only.",
            'Write for example ALLOWED_HOSTS = ["www.example.com", "localhost"].',
            {"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"]},
        ),
        Adjustment(
            4,
            "The SQLite file of the database 'default' is in the folder that a new release replaces.",
            "The release uses '/srv/mysite/shared/db.sqlite3', which outlives releases.",
            "Nothing needs to be done; to start with the data that you have, copy your file there.",
            {"DATABASES": {"default": moved}},
        ),
    )


@pytest.mark.parametrize("key", ["", None, "django-insecure-x"])
def test_a_key_that_everybody_knows_is_replaced(key: Any) -> None:
    [one] = found(SECRET_KEY=key)
    assert (one.number, one.values) == (2, {"SECRET_KEY": "kept-key"})


def test_the_kept_key_is_not_read_where_nobody_wants_it() -> None:
    def never() -> str:
        raise AssertionError

    assert adjustments(SAFE, PLACES, never) == ()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (f"{CODE}/db.sqlite3", "/srv/mysite/shared/db.sqlite3"),
        ("db.sqlite3", "/srv/mysite/shared/db.sqlite3"),
        (f"{CODE}/data/site.db", "/srv/mysite/shared/data/site.db"),
        (f"{CODE}/x/../db.sqlite3", "/srv/mysite/shared/db.sqlite3"),
        ("/var/lib/mysite/db.sqlite3", None),
        ("../../../shared/db.sqlite3", None),
        (f"{CODE}-old/db.sqlite3", None),
        (":memory:", None),
        ("file:memory?mode=memory", None),
    ],
)
@pytest.mark.parametrize("engine", ["django.db.backends.sqlite3", "django.contrib.gis.db.backends.spatialite"])
def test_a_sqlite_file_outlives_its_release(name: str, kept: str | None, engine: str) -> None:
    told = found(DATABASES={"default": sqlite(name, engine)})
    assert [one.values for one in told] == ([{"DATABASES": {"default": sqlite(kept, engine)}}] if kept else [])


def test_of_several_databases_each_file_is_moved_and_told() -> None:
    postgres = SAFE["DATABASES"]["default"]
    first, second = found(DATABASES={"default": postgres, "a": sqlite("a.db"), "b": {**sqlite("b.db"), "OPTIONS": {}}})
    moved = {
        "default": postgres,
        "a": sqlite("/srv/mysite/shared/a.db"),
        "b": {**sqlite("/srv/mysite/shared/b.db"), "OPTIONS": {}},
    }
    assert (first.values, second.values) == ({"DATABASES": moved}, {"DATABASES": moved})
    assert ("'a'" in first.found, "'b'" in second.found) == (True, True)


@pytest.mark.parametrize("root", ["", f"{CODE}/media", "media", CODE])
def test_uploads_outlive_their_release(root: str) -> None:
    [one] = found(MEDIA_ROOT=root)
    assert (one.number, one.values) == (5, {"MEDIA_ROOT": "/srv/mysite/shared/media"})
    assert one.found == f"MEDIA_ROOT is {root!r}, in the folder that a new release replaces."


def test_a_path_stays_what_it_was() -> None:
    code, shared = Path(CODE), Path("/srv/mysite/shared")
    options = {"location": code / "invoices"}
    changed = {}
    for one in found(
        MEDIA_ROOT=code / "media",
        SENDFILE_ROOT=code / "media/private",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": code / "db.sqlite3"}},
        STORAGES={"invoices": {"BACKEND": "x", "OPTIONS": options}},
    ):
        changed.update(one.values)
    assert (changed["MEDIA_ROOT"], changed["SENDFILE_ROOT"]) == (shared / "media", shared / "media/private")
    assert changed["DATABASES"]["default"]["NAME"] == shared / "db.sqlite3"
    assert changed["STORAGES"]["invoices"]["OPTIONS"]["location"] == shared / "invoices"
    values = {"STATIC_URL": "static/", "STATIC_ROOT": code / "static"}
    assert static_root(values, PLACES) == Path("/srv/mysite/releases/1/public/static")


def test_settings_of_the_project_that_lie_among_the_uploads_move_with_them() -> None:
    told = found(
        MEDIA_ROOT=f"{CODE}/media",
        EXPORTS=f"{CODE}/media/exports/",
        THUMBNAILS=Path(CODE, "media/thumbs"),
        MEDIA_NOTE=f"see {CODE}/media/x",
        OTHER=f"{CODE}/mediation/x",
        NUMBER=3,
    )
    assert [one.values for one in told[1:]] == [
        {"EXPORTS": "/srv/mysite/shared/media/exports"},
        {"THUMBNAILS": Path("/srv/mysite/shared/media/thumbs")},
    ]
    assert found(MEDIA_ROOT="/var/media", EXPORTS="/var/media/exports") == ()
    assert len(found(MEDIA_ROOT=CODE, LOCALES=f"{CODE}/locale")) == 1


def test_a_storage_outlives_its_release() -> None:
    options = {"location": f"{CODE}/invoices", "base_url": "/invoices/"}
    storages = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "x", "OPTIONS": {"location": f"{CODE}/static"}},
        "outside": {"BACKEND": "x", "OPTIONS": {"location": "/var/x"}},
        "invoices": {"BACKEND": "x", "OPTIONS": options},
    }
    [one] = found(STORAGES=storages)
    moved = {"BACKEND": "x", "OPTIONS": {**options, "location": "/srv/mysite/shared/invoices"}}
    assert (one.number, one.values) == (6, {"STORAGES": {**storages, "invoices": moved}})
    assert one.found == "The files of the storage 'invoices' are in the folder that a new release replaces."
    assert one.instead == "They are kept in '/srv/mysite/shared/invoices', which outlives releases."


def test_the_project_may_be_deeper_in_the_source_than_its_data() -> None:
    places = Places(CODE, f"{CODE}/backend", PLACES.public, PLACES.shared, PLACES.media)
    [one] = found(places, DATABASES={"default": sqlite("../db.sqlite3")})
    assert one.values["DATABASES"]["default"]["NAME"] == "/srv/mysite/shared/db.sqlite3"
    [one] = found(places, DATABASES={"default": sqlite("db.sqlite3")})
    assert one.values["DATABASES"]["default"]["NAME"] == "/srv/mysite/shared/backend/db.sqlite3"


def test_a_path_through_a_link_is_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "releases/1/source").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/1")
    places = Places(f"{tmp_path}/releases/1/source", f"{tmp_path}/releases/1/source", "", f"{tmp_path}/shared", "")
    [one] = found(places, DATABASES={"default": sqlite(f"{tmp_path}/current/source/db.sqlite3")})
    assert one.values["DATABASES"]["default"]["NAME"] == f"{tmp_path}/shared/db.sqlite3"


def test_the_settings_themselves_are_not_changed() -> None:
    databases = {"default": sqlite("db.sqlite3")}
    found(DATABASES=databases)
    assert databases == {"default": sqlite("db.sqlite3")}


@pytest.mark.parametrize(
    ("values", "root"),
    [
        ({"STATIC_URL": "static/"}, "/srv/mysite/releases/1/public/static"),
        ({"STATIC_URL": "/static/"}, "/srv/mysite/releases/1/public/static"),
        ({"STATIC_URL": "/a/b/"}, "/srv/mysite/releases/1/public/a/b"),
        ({"STATIC_URL": "static/", "FORCE_SCRIPT_NAME": "/shop"}, "/srv/mysite/releases/1/public/shop/static"),
        ({"STATIC_URL": "/static/", "FORCE_SCRIPT_NAME": "/shop"}, "/srv/mysite/releases/1/public/static"),
        ({"STATIC_URL": "https://cdn.example/static/"}, None),
        ({"STATIC_URL": "//cdn.example/"}, None),
        ({"STATIC_URL": "/../../../etc/"}, None),
        ({"STATIC_URL": ""}, None),
        ({"STATIC_URL": None}, None),
        ({}, None),
    ],
)
def test_static_files_lie_where_their_url_says(values: dict[str, Any], root: str | None) -> None:
    assert static_root(values, PLACES) == root
