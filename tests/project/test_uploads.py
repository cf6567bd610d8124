"""How large a request may be, as the project's forms say it; and files that a view hands over."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.test import override_settings

from django_selfdeploy.project import uploads
from django_selfdeploy.project.adjust import adjustments
from django_selfdeploy.project.adjustment import Places

MEGABYTE = 1024**2
REST = 2_621_440
"""Django's default of DATA_UPLOAD_MAX_MEMORY_SIZE."""


class Largest:
    """A validator as projects write it."""

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size

    def __call__(self, value: Any) -> None:
        if value.size > self.max_size:
            raise ValidationError("too large")


class AnyFile(forms.Form):
    file = forms.FileField()


class SmallFiles(forms.Form):
    one = forms.ImageField(validators=[Largest(5 * MEGABYTE)])
    other = forms.FileField(validators=[Largest(MEGABYTE)])


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let the project have these forms and no others, and no models."""
    monkeypatch.delenv("SELFDEPLOY_CODE", raising=False)
    monkeypatch.setattr(uploads.apps, "get_models", list)

    def use(*kinds: type) -> None:
        monkeypatch.setattr(uploads, "_below", lambda kind: iter(kinds))

    yield use


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((), REST + MEGABYTE // 2),
        ((AnyFile,), 20 * MEGABYTE),
        ((SmallFiles,), 6 * MEGABYTE + REST),
        ((AnyFile, SmallFiles), 20 * MEGABYTE),
        ((forms.Form,), REST + MEGABYTE // 2),
    ],
)
def test_the_limit_is_that_of_the_largest_form(kinds: tuple[type, ...], expected: int, only: Any) -> None:
    only(*kinds)
    assert uploads.body_limit() == expected


def test_a_form_may_be_larger_than_what_is_usual(only: Any) -> None:
    class Film(forms.Form):
        film = forms.FileField(validators=[Largest(900 * MEGABYTE)])

    only(AnyFile, Film)
    assert uploads.body_limit() == 900 * MEGABYTE + REST


def test_without_a_limit_for_the_rest_there_is_none(only: Any) -> None:
    only(SmallFiles)
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=None):
        assert uploads.body_limit() == 0


def test_a_view_that_reads_files_by_hand_may_get_any(
    only: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only()
    path = tmp_path / "views.py"
    path.write_text("def take(request):\n    return request.FILES['it']\n")
    module = ModuleType("by_hand")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "by_hand", module)
    monkeypatch.setenv("SELFDEPLOY_CODE", str(tmp_path))
    assert uploads.body_limit() == 20 * MEGABYTE
    path.write_text("def take(request):\n    return Form(request.POST, request.FILES)\n")
    assert uploads.body_limit() == REST + MEGABYTE // 2


NGINX = "django_sendfile.backends.nginx"


@pytest.mark.parametrize(
    ("backend", "url", "expected"),
    [
        (NGINX, "/protected", ("/protected/", "/srv/private")),
        ("sendfile.backends.nginx", "protected/", ("/protected/", "/srv/private")),
        ("django_sendfile.backends.simple", "/protected", ("", "")),
        (NGINX, "", ("", "")),
        (None, "/protected", ("", "")),
    ],
)
def test_a_location_is_made_for_the_backend_of_nginx(backend: Any, url: str, expected: tuple[str, str]) -> None:
    with override_settings(SENDFILE_BACKEND=backend, SENDFILE_URL=url, SENDFILE_ROOT=Path("/srv/private")):
        assert uploads.sendfile() == expected


@pytest.mark.parametrize(
    ("root", "media", "moved"),
    [
        ("{code}/media/private", "{code}/media", "/srv/mysite/shared/media/private"),
        ("{code}/media", "{code}/media", "/srv/mysite/shared/media"),
        ("{code}/private", "{code}/media", "/srv/mysite/shared/private"),
        ("{code}/private", "", "/srv/mysite/shared/private"),
        ("/srv/elsewhere", "{code}/media", None),
    ],
)
def test_files_to_hand_over_outlive_releases(root: str, media: str, moved: str | None, tmp_path: Path) -> None:
    code = os.path.realpath(tmp_path)
    places = Places(code, code, f"{code}/public", "/srv/mysite/shared", "/srv/mysite/shared/media")
    values = {"SENDFILE_ROOT": root.format(code=code), "MEDIA_ROOT": media.format(code=code)}
    changed = {}
    for one in adjustments({**values, "SECRET_KEY": "k", "ALLOWED_HOSTS": ["a"]}, places, str):
        changed.update(one.values)
    assert changed.get("SENDFILE_ROOT") == moved
