"""BUILD and SMOKE: their short forms, and what is refused."""

from typing import Any

import pytest

from django_selfdeploy.build_options import Build, build_options
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.smoke_options import smoke_options

FOUND = ("/", "/a/", "/reports/1/", "/reports/2/")


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (True, FOUND),
        (False, ()),
        (["/health/", "/a/"], ("/health/", "/a/")),
        ({"PATHS": ["/a/"]}, ("/a/", "/", "/reports/1/", "/reports/2/")),
        ({"SKIP": ["/reports/*"]}, ("/", "/a/")),
        ({"PATHS": ["/x/", "/y/"], "MOST": 1}, ("/x/", "/y/")),
        ({"MOST": 2}, ("/", "/a/")),
    ],
)
def test_pages_are_found_or_given(given: Any, chosen: tuple[str, ...]) -> None:
    assert smoke_options("SMOKE", given).choose(FOUND) == chosen


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["health/"], "SMOKE has the path 'health/'."),
        ({"SECONDS": -1}, "SMOKE['SECONDS'] is negative."),
        ("/health/", "SMOKE is not a dictionary but '/health/'."),
        ({"PATH": []}, "SMOKE has the unknown key 'PATH'."),
    ],
)
def test_other_pages_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        smoke_options("SMOKE", given)
    assert caught.value.message == message


def test_a_build_is_a_list_of_commands_or_a_dictionary() -> None:
    commands = [["npm", "ci"], ["npm", "run", "build"]]
    made = Build((("npm", "ci"), ("npm", "run", "build")))
    assert build_options("BUILD", commands) == made == build_options("BUILD", {"COMMANDS": commands})
    assert build_options("BUILD", {"COMMANDS": commands, "INPUTS": ["a"], "TIMEOUT": 5}) == Build(
        made.commands, ("a",), 5.0
    )
    assert build_options("BUILD", ()) == Build()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["npm ci"], "BUILD has a command that is no list of words."),
        ([[]], "BUILD has a command that is no list of words."),
        ([["npm", 1]], "BUILD has a command that is no list of words."),
        ({"COMMANDS": [["a"]], "TIMEOUT": 0}, "BUILD['TIMEOUT'] is 0."),
    ],
)
def test_other_builds_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_options("BUILD", given)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("inputs", "path", "reads"),
    [
        ((), "package-lock.json", True),
        ((), "pages/static/pages/site.scss", True),
        ((), "pages/templates/a.html", True),
        ((), "yarn.lock", True),
        ((), "pages/views.py", False),
        (("frontend/",), "frontend/src/a.py", True),
        (("frontend",), "frontends/a.js", False),
        (("*.lock",), "yarn.lock", True),
        (("package.json",), "site.css", False),
    ],
)
def test_what_a_build_reads(inputs: tuple[str, ...], path: str, reads: bool) -> None:
    assert Build(inputs=inputs).reads(path, everything=False) is reads
    assert Build(inputs=inputs).reads(path, everything=True) is (reads or not inputs)


def test_tailwind_is_known_by_its_name() -> None:
    assert Build((("npx", "@tailwindcss/cli", "-o", "a.css"),)).names_tailwind
    assert not Build((("npm", "ci"),)).names_tailwind
