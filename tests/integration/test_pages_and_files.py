"""Static files and uploads as visitors get them, and what a release must show before they get it."""

from __future__ import annotations

import gzip
import os
import re
import shutil

import brotli

from django_selfdeploy.core import front_modules

from .order import expect_in_order
from .site import Answer, Site
from .visiting import PNG, hang_picture, sheet_of

FOREVER = "public, max-age=31536000, immutable"
GZIP = {"Accept-Encoding": "gzip"}

BUILD = """
import pathlib
pathlib.Path("pages/static/built").mkdir(exist_ok=True)
pathlib.Path("pages/static/built/built.js").write_text(pathlib.Path("source.js").read_text() * 40)
print("built it")
"""

PRIVATE = """
from django.conf import settings as _settings
from django.urls import path as _path
from django_sendfile import sendfile as _sendfile


def _hand_over(request):
    return _sendfile(request, _settings.SENDFILE_ROOT / "secret.txt", mimetype="text/plain")


urlpatterns = [_path("letter/", _hand_over), *urlpatterns]
"""


def script_of(page: Answer) -> str:
    [path] = re.findall(r'<script src="([^"]+)"', page.text)
    return path


def has_brotli() -> bool:
    """Whether the machine's nginx has the module; in a CI it must."""
    has = "brotli_static" in front_modules.find(shutil.which("nginx", path="/usr/sbin") or "nginx")
    assert has or os.environ.get("CI") != "true"
    return has


def note(site: Site, step: str) -> str:
    [found] = [one["note"] for one in site.journals[0]["steps"] if one["name"] == step]
    return str(found)


def test_an_old_page_finds_its_files_after_a_switch_and_after_a_rollback(site: Site) -> None:
    one = site.get("/")
    sheet, script = sheet_of(one), script_of(one)
    texts = {path: site.get(path).text for path in (sheet, script)}
    assert "/*" not in texts[sheet]

    site.append("pages/static/pages/site.css", "\n/* a remark */\n.brand { color : green }\n")
    site.commit("Paint the brand")
    site.deploy()
    two = sheet_of(site.get("/"))
    assert two != sheet
    assert site.get(two).text.endswith(".brand{color:green}")
    assert {path: site.get(path).text for path in texts} == texts

    site.manage("deploy_rollback")
    assert sheet_of(site.get("/")) == sheet
    assert site.get(two).text.endswith(".brand{color:green}")
    for path in (sheet, two):
        plain, packed = site.get(path), site.get(path, headers=GZIP)
        assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert gzip.decompress(packed.body) == plain.body
        assert int(packed.headers["content-length"]) == len(packed.body)
        assert plain.headers["cache-control"] == packed.headers["cache-control"] == FOREVER
        if has_brotli():
            small = site.get(path, headers={"Accept-Encoding": "gzip, br"})
            assert (small.headers["content-encoding"], brotli.decompress(small.body)) == ("br", plain.body)
    assert "cache-control" not in site.get("/static/pages/site.css").headers
    assert "cache-control" not in site.get("/static/pages/none.0123456789ab.css").headers


def test_unchanged_static_files_are_taken_over(site: Site) -> None:
    before = site.current
    site.change()
    site.deploy()
    assert re.fullmatch(r"\d+ files, none changed", note(site, "collect the static files"))
    path = f"public{sheet_of(site.get('/'))}"
    releases = site.root / "releases"
    assert (releases / site.current / path).samefile(releases / before / path)


def test_an_upload_may_be_larger_than_other_data_but_not_of_any_size(site: Site) -> None:
    large = PNG + bytes(4_000_000)  # DATA_UPLOAD_MAX_MEMORY_SIZE is 2.5 MB
    assert site.get(hang_picture(site, "The large one", large)).body == large
    refused = site.ask("POST", "/gallery/", headers={"Content-Length": str(21 * 1024**2)}, body=b"")
    assert refused.status == 413


def test_a_build_runs_once_and_a_view_hands_files_over(site: Site) -> None:
    site.target = {**site.target, "BUILD": {"COMMANDS": [["python", "build.py"]], "INPUTS": ["source.js"]}}
    site.write("build.py", BUILD)
    site.write("source.js", "let a = 1;\n")
    site.append("website/urls.py", PRIVATE)
    site.append(".gitignore", "built/\n")
    site.commit("Build a script, and hand a letter over")
    private = site.root / "shared/media/private"
    private.mkdir(exist_ok=True)
    (private / "secret.txt").write_text("only for you\n")

    site.deploy()
    assert note(site, "build") == "1 files made"
    assert site.get("/static/built/built.js").status == 200
    assert (site.get("/letter/").text, site.get("/letter/").headers["content-type"]) == ("only for you\n", "text/plain")
    for path in ("/protected/secret.txt", "/media/private/secret.txt"):
        assert site.get(path).status == 404

    first = site.get("/static/built/built.js").text
    site.change()
    site.deploy()
    assert note(site, "build") == "unchanged, 1 files taken over"
    assert site.get("/static/built/built.js").text == first

    site.target = {**site.target, "BUILD": [["python", "-c", "raise SystemExit('no module named a')"]]}
    live = site.current
    done = site.deploy(check=False)
    assert (done.returncode, site.current) == (19, live)
    assert "no module named a" in done.stderr


BROKEN = """
from django.http import HttpRequest, HttpResponse


def about(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("about to fail")
"""


def test_a_page_that_got_worse_or_a_broken_template_stops_before_the_switch(site: Site) -> None:
    live = site.current
    site.append("pages/views.py", BROKEN)
    site.commit("Break a page")
    done = site.deploy(check=False)
    assert (done.returncode, site.current) == (11, live)
    assert "GET /about/ is answered with 500; the release before answers with 200." in done.stderr
    assert "ZeroDivisionError: about to fail" in done.stderr
    expect_in_order(site, live=live, status="failed")

    site.deploy("--accept", "selfdeploy.E030")
    assert (site.current != live, site.get("/about/").status) == (True, 500)
    assert site.journals[0]["options"]["accept"] == ["selfdeploy.E030"]
    assert any("(selfdeploy.E030) was overruled: GET /about/" in text for text in site.journals[0]["warnings"])

    live = site.current
    site.append("pages/templates/pages/about.html", '{% url "pages:nowhere" %}{% load static %}{% static "no.css" %}')
    site.commit("Break a template")
    done = site.deploy(check=False)
    assert (done.returncode, site.current) == (7, live)
    for identity, name in (("E032", "pages:nowhere"), ("E033", "no.css")):
        assert re.search(rf"\(selfdeploy\.{identity}\) .*'{re.escape(name)}'", done.stderr)
    expect_in_order(site, live=live, status="failed")
