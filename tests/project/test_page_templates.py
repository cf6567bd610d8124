"""The project's templates are compiled, and the names in them looked up."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path

from django_selfdeploy.project import page_templates

DJANGO = "django.template.backends.django.DjangoTemplates"
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


URLS = (
    path("home/<int:number>/", page, name="home"),
    path("shop/", include(([path("", page, name="index")], "shop"), namespace="market")),
    path("admin/", admin.site.urls),
)

Judge = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """The ids and texts of what is said of these templates."""
    code = Path(os.path.realpath(tmp_path))
    monkeypatch.setenv("SELFDEPLOY_CODE", str(code))
    (code / "public").mkdir()
    (code / "public/site.css").touch()
    manifest = '{"paths": {"site.css": "site.0123456789ab.css"}, "version": "1.1", "hash": ""}'
    (code / "public/staticfiles.json").write_text(manifest)

    def ask(files: dict[str, str], *, storage: str = MANIFEST, **template: Any) -> list[tuple[str, str]]:
        for name, text in files.items():
            whole = code / "templates" / name
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_text(text)
        engine = {"BACKEND": DJANGO, "DIRS": [code / "templates"], "APP_DIRS": True, "OPTIONS": {}, **template}
        with override_settings(
            TEMPLATES=[engine],
            ROOT_URLCONF=URLS,
            STATIC_ROOT=str(code / "public"),
            STORAGES={"staticfiles": {"BACKEND": storage}},
        ):
            answer = page_templates.check()
        assert answer["note"] == f"{len(files)} templates"
        return [(message["id"], message["text"]) for message in answer["messages"]]

    return ask


GOOD = """{% load static %}{% if x %}{% static "site.css" %}{% endif %}{% static variable %}{% url variable %}
{% url "home" 1 %}{% url 'shop:index' %}{% url "market:index" %}{% url "admin:index" %}{% url "nowhere" as found %}
{% static "site.css?v=1" %}{% static "img/" %}"""


def test_templates_that_are_in_order_say_nothing(judged: Judge) -> None:
    assert judged({"a.html": GOOD, "deep/b.txt": "plain"}) == []


def test_a_template_that_does_not_compile_is_named(judged: Judge) -> None:
    [(identity, text)] = judged({"a.html": "{% if x %}"})
    assert identity == "selfdeploy.E031"
    assert text.startswith("The template 'a.html' does not compile: Unclosed tag on line 1: 'if'.")


def test_names_that_are_nowhere_are_found_within_every_tag(judged: Judge) -> None:
    text = """{% load static %}{% block a %}{% for x in y %}{% if a %}b{% elif c %}{% url "shop:none" %}{% else %}
    {% static "none.css" %}{% endif %}{% empty %}{% with a=1 %}{% url "none" %}{% endwith %}{% endfor %}{% endblock %}
    {% url "admin:none" %}{% url "none:index" %}"""
    assert judged({"a.html": text}) == [
        ("selfdeploy.E032", "The template 'a.html' names the URL 'shop:none', which there is not."),
        ("selfdeploy.E033", "The template 'a.html' names the static file 'none.css', which there is not."),
        ("selfdeploy.E032", "The template 'a.html' names the URL 'none', which there is not."),
        ("selfdeploy.E032", "The template 'a.html' names the URL 'admin:none', which there is not."),
        ("selfdeploy.E032", "The template 'a.html' names the URL 'none:index', which there is not."),
    ]


def test_without_a_manifest_a_missing_file_is_a_warning(judged: Judge) -> None:
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    text = '{% load static %}{% static "none.css" %}{% static "site.css" %}'
    assert [identity for identity, _ in judged({"a.html": text}, storage=plain)] == ["selfdeploy.W033"]


def test_files_of_a_storage_elsewhere_are_not_looked_up(judged: Judge) -> None:
    elsewhere = "django.core.files.storage.InMemoryStorage"
    assert judged({"a.html": '{% load static %}{% static "none.css" %}'}, storage=elsewhere) == []


def test_templates_of_packages_and_what_are_none_are_left_alone(judged: Judge, tmp_path: Path) -> None:
    (tmp_path / "templates/node_modules").mkdir(parents=True)
    (tmp_path / "templates/node_modules/a.html").write_text("{% if %}")
    (tmp_path / "templates/picture.png").write_bytes(b"\x89PNG {% if %}")
    assert judged({}) == []


def test_at_most_twenty_messages_are_told(judged: Judge) -> None:
    assert len(judged({f"{n}.html": "{% if %}" for n in range(30)})) == 20
