"""A release works when its own process answers with success, and nobody else's answer counts."""

import time
from typing import Any

import pytest

from django_selfdeploy.core.probe import Finding, ask
from django_selfdeploy.core.release import ProbeSpec
from tests.faking import Answer, Headers, Page, web

RELEASE = "20261122-101112-1c1c1c1c"
SPEC = ProbeSpec("/start/", "example.com")
HTTPS = ProbeSpec("/start/", "example.com", https=True)


def site(*pages: Page | tuple[int, Headers], release: str = RELEASE) -> Answer:
    """A site whose pages are /start/, /1/, /2/ ..., each of the release."""

    def answer(path: str, headers: Headers) -> Page:
        assert (headers["x-selfdeploy-probe"], headers["host"]) == ("1", "example.com")
        number = 0 if path == "/start/" else int(path.partition("?")[0].strip("/"))
        status, more = pages[number][:2]
        return status, {"X-Selfdeploy-Release": release, **more} if release else dict(more), b""

    return answer


def found(answer: Answer, spec: ProbeSpec = SPEC, **more: Any) -> Finding:
    with web(answer) as address:
        return ask(address, spec, RELEASE, **more)


def to(place: str, status: int = 302) -> tuple[int, Headers]:
    return status, {"Location": place}


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_an_answer_of_the_200s_by_the_release(status: int) -> None:
    assert found(site((status, {}))) == Finding(True, answered=True)


@pytest.mark.parametrize("status", [400, 404, 500, 503, 304])
def test_any_other_status_is_trouble(status: int) -> None:
    assert found(site((status, {}))) == Finding(False, f"GET /start/ was answered with {status}.", answered=True)


def test_the_answer_of_another_release_does_not_count() -> None:
    trouble = "GET /start/ was answered with 200 by release 'old'."
    assert found(site((200, {}), release="old")) == Finding(False, trouble, answered=False)


def test_an_answer_that_names_no_release_does_not_count() -> None:
    trouble = "GET /start/ was answered with 200 by something that names no release."
    assert found(site((200, {}), release="")) == Finding(False, trouble, answered=False)


@pytest.mark.parametrize("place", ["/1/", "http://example.com/1/", "../1/", "/1/?next=/start/", "//example.com/1/"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed(place: str, status: int) -> None:
    assert found(site(to(place, status), (200, {}))) == Finding(True, answered=True)


@pytest.mark.parametrize(
    "place", ["https://example.com/1/", "http://example.com:8000/1/", "http://login.example/1/", "//evil.example/", ""]
)
def test_a_redirect_that_leads_away_is_trouble(place: str) -> None:
    towards = f" to {place!r}" if place else ""
    trouble = f"GET /start/ was answered with 302{towards}."
    assert found(site(to(place), (200, {}))) == Finding(False, trouble, answered=True)


def test_redirects_come_to_an_end() -> None:
    circle = site(to("/1/"), to("/2/"), to("/3/"), to("/start/"))
    trouble = "GET /start/ was redirected more than 3 times."
    assert found(circle) == Finding(False, trouble, answered=True)
    assert found(site(to("/1/"), to("/2/"), to("/3/"), (200, {}))) == Finding(True, answered=True)


def test_a_project_that_wants_https_is_told_that_it_is() -> None:
    def page(path: str, headers: Headers) -> Page:
        secure = headers.get("x-forwarded-proto") == "https"
        return 200 if secure else 301, {"X-Selfdeploy-Release": RELEASE}, b""

    assert found(page, HTTPS) == Finding(True, answered=True)
    assert found(page, SPEC) == Finding(False, "GET /start/ was answered with 301.", answered=True)


def test_a_redirect_to_https_is_success_through_the_front_of_a_project_that_wants_it() -> None:
    away = site(to("https://example.com/start/", 301))
    trouble = "GET /start/ was answered with 301 to 'https://example.com/start/'."
    assert found(away, HTTPS, front=True) == Finding(True, answered=True)
    assert found(away, SPEC, front=True) == Finding(False, trouble, answered=True)


def test_a_redirect_is_followed_by_https_where_the_project_wants_it() -> None:
    assert found(site(to("https://example.com/1/"), (200, {})), HTTPS) == Finding(True, answered=True)


def test_no_answer_is_told_from_a_wrong_one() -> None:
    trouble = "GET /start/ got no answer (Connection refused)."
    assert ask("127.0.0.1:1", SPEC, RELEASE) == Finding(False, trouble, answered=False)


def test_a_page_that_hangs_is_not_waited_for() -> None:
    def hanging(path: str, headers: Headers) -> Page:
        time.sleep(0.5)
        return 200, {}, b""

    trouble = "GET /start/ got no answer (no answer in time)."
    assert found(hanging, timeout=0.05) == Finding(False, trouble, answered=False)
