"""What really happens where a check warns, and does not happen with the setting that it asks for."""

from __future__ import annotations

import io
import logging
import logging.config
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any
from urllib.request import Request
from urllib.response import addinfourl

import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path, reverse, set_script_prefix
from django.utils.log import DEFAULT_LOGGING

from django_selfdeploy.backends.hostnames import host_for_probe, server_names
from django_selfdeploy.log_files import SharedFileHandler
from django_selfdeploy.project.consistency import looking
from django_selfdeploy.project.consistency.names import is_allowed
from tests.comparing import HEADER, MIDDLEWARE, ids


def page(request: HttpRequest) -> HttpResponse:
    if request.GET.get("login"):
        request.session["user"] = "ann"
    return HttpResponse(f"{request.get_host()} {request.session.get('user')}")


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("division by zero")


urlpatterns = [path("page/", page, name="page"), path("broken/", broken)]

BY_PROXY = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_HOST": "www.example.com"}
"""What our front server passes on of a request that a trusted proxy got by https."""

NO_PROXY = {**BY_PROXY, "HTTP_X_FORWARDED_PROTO": "http"}
"""The same where it trusts no proxy: it says itself how it was spoken to."""


@contextmanager
def site(**changes: Any) -> Iterator[Client]:
    """A site with these settings, and a visitor who is held to CSRF tokens."""
    usual = {"ALLOWED_HOSTS": ["www.example.com"], "MIDDLEWARE": MIDDLEWARE, "ROOT_URLCONF": __name__, "DEBUG": False}
    with override_settings(**{**usual, "SESSION_ENGINE": "django.contrib.sessions.backends.cache", **changes}):
        yield Client(enforce_csrf_checks=True)


def form(client: Client, extra: dict[str, str], origin: str) -> int:
    """The status of a form that is sent from a page of `origin` with its token."""
    token = "a" * 32
    client.cookies["csrftoken"] = token
    data = {"csrfmiddlewaretoken": token}
    secure = {"wsgi.url_scheme": "http"}
    return client.post("/page/", data, headers={"origin": origin}, **extra, **secure).status_code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent", "entry", "better"),
    [
        ("xn--bcher-kva.example", "bücher.example", "xn--bcher-kva.example"),
        ("example.com:8000", "example.com:8000", "example.com"),
        ("example.com", "http://example.com", "example.com"),
        ("example.com.", "example.com.", "example.com"),
        ("www.example.com", "*.example.com", ".example.com"),
        ("[::1]:8000", "::1", "[::1]"),
        ("my_site.example", "my_site.example", ""),
    ],
)
def test_e060_django_refuses_every_request_for_it(sent: str, entry: str, better: str) -> None:
    request = RequestFactory().get("/", headers={"host": sent})
    with override_settings(ALLOWED_HOSTS=[entry]), pytest.raises(DisallowedHost):
        request.get_host()
    if better:
        with override_settings(ALLOWED_HOSTS=[better]):
            assert request.get_host().rstrip(".") == sent.rstrip(".")
    assert ids(ALLOWED_HOSTS=[entry]) == ["E060"]
    assert server_names(("www.example.com", entry))[0] == "www.example.com"


@pytest.mark.parametrize("host", ["www.example.com", "evil.example", "example.com", "localhost", "a.b.example.com"])
@pytest.mark.parametrize("allowed", [["*"], [".Example.com"], ["example.com", "localhost"], []])
def test_names_are_allowed_as_django_allows_them(host: str, allowed: list[str]) -> None:
    request = RequestFactory().get("/", headers={"host": host})
    with override_settings(ALLOWED_HOSTS=allowed):
        try:
            expected = bool(request.get_host())
        except DisallowedHost:
            expected = False
    assert is_allowed(host, allowed) is expected


def test_w061_a_visitor_chooses_where_links_lead() -> None:
    with site(ALLOWED_HOSTS=["*"]) as client:
        assert client.get("/page/", headers={"host": "evil.example"}).content == b"evil.example None"
    with site() as client:
        assert client.get("/page/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(("more", "status"), [([], 400), (["www.example.com"], 200)])
def test_e062_visitors_are_sent_to_a_host_that_is_refused(more: list[str], status: int) -> None:
    hosts = ["example.com", *more]
    with site(ALLOWED_HOSTS=hosts, PREPEND_WWW=True) as client:
        sent = client.get("/page/", headers={"host": "example.com"})
        assert (sent.status_code, sent["Location"]) == (301, "http://www.example.com/page/")
        assert client.get("/page/", headers={"host": "www.example.com"}).status_code == status
    assert ids(ALLOWED_HOSTS=hosts, PREPEND_WWW=True) == ([] if more else ["E062"])
    assert host_for_probe(tuple(hosts), prepend_www=True) == "www.example.com"


def test_e063_links_of_such_a_site_are_relative() -> None:
    try:
        with site():
            set_script_prefix("app")
            assert reverse("page") == "app/page/"
            set_script_prefix("/app")
            assert reverse("page") == "/app/page/"
    finally:
        set_script_prefix("/")


def test_e066_visitors_by_https_are_redirected_for_ever() -> None:
    with site(SECURE_SSL_REDIRECT=True) as client:
        assert client.get("/page/", **BY_PROXY)["Location"] == "https://www.example.com/page/"  # type: ignore[arg-type]
    with site(SECURE_SSL_REDIRECT=True, SECURE_PROXY_SSL_HEADER=HEADER) as client:
        assert client.get("/page/", **BY_PROXY).status_code == 200  # type: ignore[arg-type]


def test_w067_and_w069_forms_that_are_sent_by_https_are_refused() -> None:
    origin = "https://www.example.com"
    with site(SECURE_PROXY_SSL_HEADER=HEADER) as client:
        assert form(client, NO_PROXY, origin) == 403
        assert form(client, {**BY_PROXY, "HTTP_REFERER": f"{origin}/page/"}, origin) == 200
    with site() as client:
        assert form(client, BY_PROXY, origin) == 403
    with site(CSRF_TRUSTED_ORIGINS=[origin]) as client:
        assert form(client, BY_PROXY, origin) == 200


def test_w070_a_page_by_http_can_send_forms_to_the_one_by_https() -> None:
    by_https = {**BY_PROXY, "HTTP_REFERER": "http://www.example.com/page/"}
    for origins, status in ((["http://www.example.com"], 200), (["https://www.example.com"], 403)):
        with site(SECURE_PROXY_SSL_HEADER=HEADER, CSRF_TRUSTED_ORIGINS=origins) as client:
            assert form(client, by_https, "http://www.example.com") == status


def test_w071_the_header_is_never_sent() -> None:
    for extra, header in ((NO_PROXY, None), (BY_PROXY, "max-age=60")):
        with site(SECURE_HSTS_SECONDS=60, SECURE_PROXY_SSL_HEADER=HEADER) as client:
            answer = client.get("/page/", **extra)  # type: ignore[arg-type]
        assert answer.headers.get("Strict-Transport-Security") == header
    with site(SECURE_HSTS_SECONDS=60) as client:
        assert "Strict-Transport-Security" not in client.get("/page/", **BY_PROXY).headers  # type: ignore[arg-type]


def sent_back(url: str, cookie: str) -> bool:
    """Whether a browser that gets the cookie from `url` sends it there again."""
    headers = Message()
    headers["Set-Cookie"] = cookie
    jar = CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainStrict))
    jar.extract_cookies(addinfourl(io.BytesIO(), headers, url), Request(url))
    again = Request(url)
    jar.add_cookie_header(again)
    return again.has_header("Cookie")


@pytest.mark.parametrize(
    ("domain", "works"), [("example.org", False), ("shop.example.com", False), (".example.com", True), (None, True)]
)
def test_w074_a_browser_refuses_the_cookie(domain: str | None, works: bool) -> None:
    with site(SESSION_COOKIE_DOMAIN=domain) as client:
        cookie = client.get("/page/?login=1", headers={"host": "www.example.com"}).cookies["sessionid"].OutputString()
    assert sent_back("http://www.example.com/page/", cookie) is works
    assert ids(SESSION_COOKIE_DOMAIN=domain) == ([] if works else ["W074"])


@pytest.mark.parametrize(("where", "works"), [("/shop", False), ("/app", True), ("/", True)])
def test_w075_a_browser_never_sends_the_cookie(where: str, works: bool) -> None:
    with site(SESSION_COOKIE_PATH=where) as client:
        cookie = client.get("/page/?login=1", headers={"host": "www.example.com"}).cookies["sessionid"].OutputString()
    assert sent_back("http://www.example.com/app/page/", cookie) is works
    assert ids(SESSION_COOKIE_PATH=where, FORCE_SCRIPT_NAME="/app") == ([] if works else ["W075"])


LINES, WRITERS = 400, 3


def lines_left(path: Path, make: Callable[[str], logging.Handler]) -> int:
    """How many lines are left of those that several processes write to one file, which is rotated meanwhile."""
    children = []
    for writer in range(WRITERS):
        child = os.fork()
        if child == 0:
            handler = make(str(path))
            for number in range(LINES):
                handler.handle(logging.makeLogRecord({"msg": f"{writer} {number:06}"}))
            handler.close()
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * WRITERS
    return sum(len(one.read_text().splitlines()) for one in path.parent.iterdir())


def test_w078_recent_lines_are_lost_and_by_our_handler_none(tmp_path: Path) -> None:
    """Files of ten lines: after twelve of two writers, the last ten must be there."""
    for kind, lost in ((RotatingFileHandler, True), (SharedFileHandler, False)):
        path = tmp_path / f"{kind.__name__}.log"
        writers = [kind(str(path), maxBytes=100, backupCount=1) for _ in range(2)]
        for number in range(12):
            writers[number % 2].handle(logging.makeLogRecord({"msg": f"{number:09}"}))
        for writer in writers:
            writer.close()
        left = path.read_text() + Path(f"{path}.1").read_text()
        assert any(f"{number:09}" not in left for number in range(2, 12)) is lost


def test_our_handler_loses_no_line_of_several_processes(tmp_path: Path) -> None:
    make = partial(SharedFileHandler, maxBytes=500, backupCount=99)
    assert lines_left(tmp_path / "a.log", make) == LINES * WRITERS
    assert len(list(tmp_path.iterdir())) > 5


def test_our_handler_writes_where_it_cannot_rotate_and_follows_who_does(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    (tmp_path / "a.log.1/occupied").mkdir(parents=True)
    handler = SharedFileHandler(path, mode="w", maxBytes=1, backupCount=1, delay=True)
    kept = SharedFileHandler(path, maxBytes=0)
    for one in (handler, kept, handler):
        one.handle(logging.makeLogRecord({"msg": "one"}))
    assert path.read_text() == "one\none\none\n"
    path.rename(tmp_path / "renamed")
    kept.handle(logging.makeLogRecord({"msg": "two"}))
    assert path.read_text() == "two\n"
    handler.close()
    kept.close()


@contextmanager
def logged(configured: dict[str, Any]) -> Iterator[None]:
    """Django's own configuration of logging, and this one after it, as at a start."""
    every = [
        logging.getLogger(),
        *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)),
    ]
    kept = [(one, one.handlers[:], one.level, one.disabled, one.propagate) for one in every]
    try:
        logging.getLogger().handlers.clear()  # those of pytest
        logging.config.dictConfig(DEFAULT_LOGGING)
        if configured:
            logging.config.dictConfig(configured)
        yield
    finally:
        for one, handlers, level, disabled, propagate in kept:
            one.handlers[:], one.disabled, one.propagate = handlers, disabled, propagate
            one.setLevel(level)


def console(stream: io.StringIO) -> dict[str, Any]:
    return {"version": 1, "handlers": {"console": {"class": "logging.StreamHandler", "stream": stream}}}


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, False),
        ({"root": {"handlers": ["console"]}}, False),
        ({"root": {"handlers": ["console"]}, "disable_existing_loggers": False}, True),
        ({"loggers": {"django": {"handlers": ["console"]}}}, True),
        ({"loggers": {"django": {"handlers": ["console"], "level": "CRITICAL"}}}, False),
        ({"loggers": {"django.request": {"handlers": ["console"], "propagate": False}}}, True),
    ],
)
def test_i080_a_traceback_is_written_nowhere(more: dict[str, Any], shown: bool) -> None:
    written = io.StringIO()
    with logged({**console(written), **more} if more else {}), site() as client:
        client.raise_request_exception = False
        assert client.get("/broken/", headers={"host": "www.example.com"}).status_code == 500
        assert looking.shows_errors() is shown
    assert ("ZeroDivisionError" in written.getvalue()) is shown


CACHE = "django.core.cache.backends"


@pytest.mark.parametrize(("backend", "user"), [("dummy.DummyCache", b"None"), ("locmem.LocMemCache", b"ann")])
def test_e084_nobody_stays_logged_in(backend: str, user: bytes) -> None:
    with site(CACHES={"default": {"BACKEND": f"{CACHE}.{backend}", "LOCATION": backend}}) as client:
        for query in ("?login=1", ""):
            answer = client.get(f"/page/{query}", headers={"host": "www.example.com"})
        assert answer.content.split()[1] == user


def test_e085_each_use_of_the_cache_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with override_settings(CACHES={"default": {"BACKEND": f"{CACHE}.redis.RedisCache", "LOCATION": "redis://x"}}):
        assert list(looking._lacking()) == [("default", "redis")]
        with pytest.raises(ModuleNotFoundError):
            caches["default"].get("x")
    assert list(looking._lacking()) == []
    assert settings.CACHES["default"]["BACKEND"] == f"{CACHE}.locmem.LocMemCache"


def test_w014_and_w086_what_one_process_keeps_another_does_not_find() -> None:
    child = os.fork()
    if child == 0:
        LocMemCache("shared", {}).set("session", "ann")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert LocMemCache("shared", {}).get("session") is None
