"""Templates are found as a project's own are, and an unknown name in one is an error."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from django_selfdeploy.backends import rendering
from django_selfdeploy.backends.rendering import render
from django_selfdeploy.core.errors import ConfigError


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """The folder of the project's own templates for us."""
    templates = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    with override_settings(TEMPLATES=templates):
        rendering._engine.cache_clear()
        yield tmp_path / "selfdeploy"
    rendering._engine.cache_clear()


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_a_projects_own_template_is_used_instead_of_ours(own: Path) -> None:
    put(own, "bin/manage", "#!/bin/sh\n# ours: {{ layout }}\n")
    assert render("bin/manage", {"layout": "here"}) == "#!/bin/sh\n# ours: here\n"


def test_the_filters_are_there_without_being_loaded(own: Path) -> None:
    put(own, "x", "{{ a|nginx }} {{ b|words }} {{ c|supervisor }} {{ d|python }}")
    assert render("x", {"a": "a b", "b": ["c d", "e"], "c": "5%", "d": "f"}) == "\"a b\" 'c d' e 5%% 'f'"


def test_nothing_is_escaped_for_html(own: Path) -> None:
    put(own, "x", "{{ a }}")
    assert render("x", {"a": "<&'\">"}) == "<&'\">"


@pytest.mark.parametrize("name", ["nothing", "part.nothing", "part.nothing.more", "nothing|nginx"])
def test_an_unknown_name_is_an_error_and_not_an_empty_upstream(own: Path, name: str) -> None:
    put(own, "x", f"server {{{{ {name} }}}};")
    with pytest.raises(ConfigError) as caught:
        render("x", {"part": {"name": "here"}})
    variable = name.partition("|")[0]
    assert str(caught.value) == (
        f"The template 'selfdeploy/x' cannot be used: the variable {variable!r} is not defined.\n"
        "Mend the template, or remove the project's own copy to get ours."
    )


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^The template 'selfdeploy/none' cannot be used: selfdeploy/none\."):
        render("none", {})


def test_a_template_that_does_not_parse_is_named(own: Path) -> None:
    put(own, "x", "{% if %}")
    with pytest.raises(ConfigError, match=r"^The template 'selfdeploy/x' cannot be used: "):
        render("x", {})


def test_what_a_filter_refuses_is_told_as_it_is(own: Path) -> None:
    put(own, "x", "{{ a|nginx }}")
    with pytest.raises(ConfigError, match="which nginx takes for a variable"):
        render("x", {"a": "$host"})
