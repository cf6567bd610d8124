"""Which packages a project uses."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_selfdeploy.project import imported

INSTALLED = {
    "django": ["Django"],
    "environ": ["django-environ"],
    "django_selfdeploy": ["django-selfdeploy"],
    "PIL": ["pillow"],
    "psycopg": ["psycopg"],
    "psycopg_binary": ["psycopg-binary"],
    "rest_framework": ["djangorestframework"],
    "whitenoise": ["whitenoise"],
    "requests": ["requests"],
    "yaml": ["PyYAML"],
    "mysite": ["mysite"],
    "unused": ["unused"],
}
PINS = (
    *("Django==5.2.1", "django-environ==0.14", "django-selfdeploy==0.1", "pillow==11", "psycopg==3.2", "mysite==1"),
    *("psycopg-binary==3.2", "djangorestframework==3.16", "whitenoise==6", "requests @ git+https://x.example/r@1"),
    *("PyYAML==6", "unused==1"),
)


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: INSTALLED)
    monkeypatch.setattr(imported, "frozen", lambda: PINS)
    monkeypatch.setattr(imported, "own_requirement", lambda: "django-selfdeploy==0.1")
    yield


@pytest.mark.usefixtures("_installed")
def test_a_plain_project_needs_three(tmp_path: Path) -> None:
    assert imported.requirements(tmp_path, {}) == ("Django~=5.2.1", "django-environ>=0.14", "django-selfdeploy>=0.1")


@pytest.mark.usefixtures("_installed")
def test_imports_and_settings_name_the_rest(tmp_path: Path) -> None:
    files = {
        "mysite/views.py": "import requests.api, json\nfrom . import models\n",
        "mysite/models.py": "from django.db import models\nphoto = models.ImageField()\n",
        "broken.py": "def",
        ".hidden/a.py": "import unused",
        "env/lib/a.py": "import unused",
        "env/pyvenv.cfg": "",
        "node_modules/a.py": "import unused",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    live = {
        "INSTALLED_APPS": ["rest_framework", "mysite"],
        "MIDDLEWARE": ("whitenoise.middleware.WhiteNoiseMiddleware",),
        "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "unused"}},
    }
    assert imported.requirements(tmp_path, live) == (
        "Django~=5.2.1",
        "django-environ>=0.14",
        "django-selfdeploy>=0.1",
        "djangorestframework>=3.16",
        "pillow>=11",
        "psycopg>=3.2",
        "psycopg-binary>=3.2",
        "requests @ git+https://x.example/r@1",
        "whitenoise>=6",
    )


@pytest.mark.usefixtures("_installed")
def test_this_package_is_left_to_the_deployment_where_no_index_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imported, "own_requirement", lambda: "django-selfdeploy @ file:///src")
    assert imported.requirements(tmp_path, {}) == ("Django~=5.2.1", "django-environ>=0.14")


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    ("pin", "line"), [("Django==6.1", "Django~=6.1.0"), ("Django @ file:///d", "Django @ file:///d")]
)
def test_django_stays_within_its_feature_release(
    pin: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imported, "frozen", lambda: (pin,))
    assert imported.requirements(tmp_path, {}) == (line, "django-selfdeploy>=0.1")
