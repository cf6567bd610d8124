"""The admin shows the deployments to whom may see them, changes nothing and believes no text."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils.html import strip_tags

from django_selfdeploy.models import Deployment, DeploymentStep
from django_selfdeploy.tell.record import import_journals, import_stories
from tests.stories import HOSTILE, ID, STEPS, story, write

pytestmark = pytest.mark.usefixtures("db")

LIST = "/admin/django_selfdeploy/deployment/"


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return imported(tmp_path)


@pytest.fixture
def viewer() -> Client:
    """A member of the staff who may look."""
    return logged_in("viewer", permission="view_deployment")


def imported(folder: Path, identity: str = ID, **changes: Any) -> Deployment:
    write(folder, identity, **changes)
    import_journals(folder)
    return Deployment.objects.get(identity=identity)


def logged_in(role: str, *, permission: str = "") -> Client:
    user = User.objects.create_user(role, is_staff=True, is_superuser=role == "superuser")
    user.user_permissions.set(Permission.objects.filter(codename=permission))
    client = Client()
    client.force_login(user)
    return client


def client_of(role: str) -> Client:
    permissions = {"viewer": "view_deployment", "runner": "run_deployment"}
    return Client() if role == "anonymous" else logged_in(role, permission=permissions.get(role, ""))


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def texts(html: str) -> list[str]:
    """The visible texts of `html`, one each."""
    return [text for piece in strip_tags(html.replace("><", ">\n<")).split("\n") if (text := piece.strip())]


def between(html: str, begin: str, end: str) -> str:
    return html.partition(begin)[2].partition(end)[0]


# who may what

LOOKING = ("", "{pk}/change/", "{pk}/log/", "{pk}/files/", "{pk}/history/")
CHANGING = ("add/", "{pk}/delete/")
SEES = {"anonymous": 302, "staff": 403, "runner": 403, "viewer": 200, "superuser": 200}


@pytest.mark.parametrize("path", LOOKING)
@pytest.mark.parametrize("role", SEES)
def test_only_who_may_view_sees(deployment: Deployment, role: str, path: str) -> None:
    response = client_of(role).get(LIST + path.format(pk=deployment.pk))
    assert response.status_code == SEES[role]
    assert ID.encode() not in response.content or SEES[role] == 200
    if role == "anonymous":
        assert response.headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", CHANGING)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("role", SEES)
def test_nobody_adds_or_deletes(deployment: Deployment, role: str, method: str, path: str) -> None:
    response = getattr(client_of(role), method)(LIST + path.format(pk=deployment.pk), {"post": "yes"})
    assert response.status_code == (302 if role == "anonymous" else 403)
    assert Deployment.objects.count() == 1


@pytest.mark.parametrize("role", ["viewer", "superuser"])
def test_nobody_changes(deployment: Deployment, role: str) -> None:
    client = client_of(role)
    url = f"{LIST}{deployment.pk}"
    assert client.post(f"{url}/change/", {"who": "eve"}).status_code == 403
    assert client.post(f"{url}/log/").status_code == 405
    assert client.post(f"{url}/files/").status_code == 405
    client.post(LIST, {"action": "delete_selected", "_selected_action": deployment.pk, "post": "yes"})
    assert Deployment.objects.get().who == "ada"


def test_looking_writes_nothing(deployment: Deployment) -> None:
    client = client_of("superuser")
    with CaptureQueriesContext(connection) as queries:
        for path in LOOKING:
            client.get(LIST + path.format(pk=deployment.pk))
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


@pytest.mark.parametrize("path", ["log/", "files/"])
@pytest.mark.parametrize("pk", [10**6, 10**30])
def test_what_is_not_there_is_not_found(viewer: Client, pk: int, path: str) -> None:
    assert viewer.get(f"{LIST}{pk}/{path}").status_code == 404


def test_there_are_two_permissions() -> None:
    names = Permission.objects.filter(content_type__app_label="django_selfdeploy").values_list("codename")
    assert sorted(names) == [("run_deployment",), ("view_deployment",)]


# the list


def test_the_list_tells_each_deployment_in_a_line(viewer: Client, tmp_path: Path) -> None:
    imported(tmp_path, status="switched back", seconds=72.4, live_after=None)
    table = between(page(viewer, LIST), "<tbody>", "</tbody>")
    assert texts(table) == [
        "2026-11-22 10:11",
        "deploy",
        "default",
        "20261122-101112",
        "4be1d0c7",
        "ada",
        "switched back",
        "1 min 12 s",
        "-",
    ]
    assert '<span class="sd-badge sd-switched-back">switched back</span>' in table
    assert f'<code title="{ID}">' in table


FINDS = (
    ("?q=4be1d0c7a1f0", 1),
    ("?q=20261122-101112", 1),
    ("?q=entry", 1),
    ("?q=ada", 1),
    ("?q=NotReady", 1),
    ("?q=answers 500", 1),
    ("?q=nothing like it", 0),
    ("?status__exact=failed", 1),
    ("?status__exact=succeeded", 0),
    ("?kind__exact=deploy", 1),
    ("?kind__exact=rollback", 0),
    ("?target=default", 1),
    ("?target=staging", 0),
    ("?started__year=2026&started__month=11&started__day=22", 1),
    ("?started__year=2025", 0),
)


@pytest.mark.parametrize(("query", "count"), FINDS)
def test_the_list_is_searched_and_filtered(viewer: Client, tmp_path: Path, query: str, count: int) -> None:
    imported(tmp_path, status="failed", error={"error": "NotReady", "message": "It answers 500."})
    assert page(viewer, LIST + query).count('<th class="field-when') == count


def test_the_list_costs_the_same_for_many_and_leaves_the_logs(viewer: Client, tmp_path: Path) -> None:
    imported(tmp_path)
    with CaptureQueriesContext(connection) as one:
        page(viewer, LIST)
    for number in range(20):
        imported(tmp_path, f"20261122-{number:06}-4be1d0c7")
    with CaptureQueriesContext(connection) as many:
        page(viewer, LIST)
    assert len(many) == len(one)
    assert not [query["sql"] for query in many if '."log"' in query["sql"]]


# the detail


def test_the_detail_tells_the_story(viewer: Client, deployment: Deployment) -> None:
    html = page(viewer, f"{LIST}{deployment.pk}/change/")
    assert texts(between(html, '<fieldset class="module aligned', "</fieldset>"))[1:] == [
        *("Status:", "succeeded", "Duration:", "2.0 s", "Live after:", "1.5 s"),
        *("Started:", "Nov. 22, 2026, 10:11 a.m.", "Finished:", "Nov. 22, 2026, 10:11 a.m.", "Who:", "ada"),
        *("Kind:", "deploy", "Target:", "default", "Host:", "web1.example.com"),
        *("Release:", ID, "Previous release:", "20261121-164210-9f01c2aa"),
        *("Commit:", "4be1d0c7a1f0e2b3c4d5e6f708192a3b4c5d6e7f"),
        *("Subject:", "Keep the words of an entry"),
    ]
    assert texts(between(html, "<h2>Warnings</h2>", "</section>")) == ["There is no backup."]
    assert texts(between(html, "<h2>Configuration</h2>", "</section>")) == [
        *("APP_SERVER", "{&quot;BACKEND&quot;: &quot;gunicorn&quot;}"),
        *("KEEP", "5"),
    ]
    assert texts(between(html, "<h2>Versions</h2>", "</section>")) == ["django", "5.2.19", "python", "3.12.1"]
    assert texts(between(html, "<h2>Options</h2>", "</section>")) == ["skip_tests", "true"]
    assert texts(between(html, "<h2>Processes</h2>", "</section>")) == ["clock", "clock; There is a &lt;schedule&gt;."]


def test_the_timeline_shows_every_step_with_its_output(viewer: Client, deployment: Deployment) -> None:
    html = page(viewer, f"{LIST}{deployment.pk}/change/")
    drawing = re.sub(r"<title>.*?</title>", "", between(html, '<div class="sd-timeline">', "<h2>"))
    assert texts(drawing) == [
        *("0 s", "0.5 s", "1 s", "1.5 s", "2 s", "live after 1.5 s"),
        *("stage", "0.90 s"),
        *("take the source", "0.20 s", "214 files", "3 files sent"),
        *("load the release", "0.70 s"),
        *("activate", "0.30 s", "migrate", "0.30 s", "Applying pages.0005... OK"),
        *("switch", "&lt;0.01 s", "switch", "&lt;0.01 s"),
        *("finish", "0.40 s", "remove old releases", "0.40 s"),
    ]
    bars = re.findall(r'<rect class="sd-bar" x="(.*?)" y="50%" width="(.*?)"', html)
    assert bars == [
        ("15.00%", "10.00%"),
        ("25.00%", "35.00%"),
        ("60.00%", "15.00%"),
        ("75.00%", "0.50%"),
        ("80.00%", "20.00%"),
    ]


def test_an_error_stands_on_top_with_what_to_do_next(viewer: Client, tmp_path: Path) -> None:
    error = {"error": "NotReady", "message": "It answers 500.", "hint": "See its log.", "exit_code": 11}
    row = imported(tmp_path, status="failed", error=error, steps=[{**STEPS[0], "status": "failed"}])
    html = page(viewer, f"{LIST}{row.pk}/change/")
    box = between(html, 'role="alert">', "</div>")
    assert texts(box) == ["It answers 500.", "See its log.", "NotReady, exit code 11"]
    assert html.index('role="alert"') < html.index("<fieldset") < html.index("sd-timeline")
    assert '<span class="sd-badge sd-failed">failed</span>' in between(html, "sd-timeline", "<h2>")


def test_a_deployment_of_few_words_is_shown(viewer: Client, tmp_path: Path) -> None:
    empty = dict.fromkeys(("steps", "warnings", "versions", "options", "configuration", "finished", "seconds"))
    row = imported(tmp_path, **empty, live_after=None, kind="", status="")
    html = page(viewer, f"{LIST}{row.pk}/change/")
    assert "<h2>Timeline</h2>" not in html
    assert "<h2>Configuration</h2>" not in html
    assert "None" not in texts(html)


def test_numbers_of_a_drawing_keep_their_point_in_every_language(viewer: Client, deployment: Deployment) -> None:
    deployment.pk, deployment.identity = 1234567, "other"
    deployment.save(force_insert=True)
    DeploymentStep.objects.update(deployment=deployment)
    with override_settings(LANGUAGE_CODE="de", USE_THOUSAND_SEPARATOR=True):
        html = page(viewer, f"{LIST}1234567/change/")
    assert 'x="15.00%" y="50%" width="10.00%"' in html
    assert f'href="{LIST}1234567/log/"' in html
    assert f'href="{LIST}1234567/files/"' in html


def test_nothing_on_the_page_needs_a_lax_content_security_policy(viewer: Client, deployment: Deployment) -> None:
    html = page(viewer, f"{LIST}{deployment.pk}/change/")
    ours = between(html, '<div class="sd-timeline">', '<div class="submit-row">')
    assert "<script" not in ours
    assert not re.search(r"\s(style|on\w+)=", html)
    assert '/static/django_selfdeploy/deployment.css"' in html
    assert finders.find("django_selfdeploy/deployment.css")


# many hosts


@pytest.fixture
def fleet() -> Deployment:
    """A deployment that failed on the second of two hosts."""
    error = {"error": "NotReady", "message": "It answers 500.\nIts log.", "hint": "See it.", "exit_code": 11}
    failed = [STEPS[0], {**STEPS[1], "status": "failed"}]
    import_stories(
        [
            story(host="web1", warnings=[]),
            story(host="web2", status="failed", error=error, live_after=None, seconds=1.2, steps=failed, previous=""),
        ]
    )
    return Deployment.objects.get()


def test_the_list_tells_how_many_hosts_there_were(viewer: Client, fleet: Deployment, tmp_path: Path) -> None:
    imported(tmp_path, "20261122-101113-4be1d0c7", host="web1")
    table = between(page(viewer, LIST), "<tbody>", "</tbody>")
    assert re.findall(r'<span title="(.*?)">(.*?)</span>', table) == [("web1", "web1"), ("web1, web2", "2 hosts")]


@pytest.mark.parametrize(("query", "count"), [("?q=web2", 1), ("?q=web3", 0)])
def test_a_host_is_found(viewer: Client, fleet: Deployment, query: str, count: int) -> None:
    assert page(viewer, LIST + query).count('<th class="field-when') == count


def test_the_list_of_hosts_costs_the_same_for_many(viewer: Client, fleet: Deployment) -> None:
    with CaptureQueriesContext(connection) as one:
        page(viewer, LIST)
    import_stories(story(f"20261122-{number:06}-4be1d0c7", host=f"web{number}") for number in range(20))
    with CaptureQueriesContext(connection) as many:
        page(viewer, LIST)
    assert len(many) == len(one)


def test_the_page_tells_what_came_of_it_on_each_host(viewer: Client, fleet: Deployment) -> None:
    html = page(viewer, f"{LIST}{fleet.pk}/change/")
    assert texts(between(html, "<h2>Hosts</h2>", "</section>")) == [
        *("Host", "Status", "Live after", "Duration", "Previous release", "Error"),
        *("web1", "succeeded", "1.5 s", "2.0 s", "20261121-164210-9f01c2aa"),
        *("web2", "failed", "-", "1.2 s", "-", "It answers 500."),
    ]
    assert texts(between(html, 'role="alert">', "</div>"))[0].startswith("web2: It answers 500.")
    assert texts(between(html, "Host:", "</div>")) == ["2 hosts"]


def test_each_host_has_a_lane_and_the_one_that_failed_is_open(viewer: Client, fleet: Deployment) -> None:
    html = page(viewer, f"{LIST}{fleet.pk}/change/")
    [first, second] = html.split('<details class="sd-lane"')[1:]
    drawing = [re.sub(r"<title>.*?</title>", "", each) for each in (first, second.partition("<h2>")[0])]
    assert [each.startswith(" open") for each in drawing] == [False, True]
    assert texts(drawing[0].partition(">")[2])[:5] == ["web1", "2.0 s", "stage", "0.90 s", "take the source"]
    assert texts(drawing[1].partition(">")[2]) == [
        *("web2 failed", "1.2 s", "stage", "0.90 s"),
        *("take the source", "0.20 s", "214 files", "3 files sent"),
        *("load the release failed", "0.70 s"),
    ]
    assert re.findall(r'<rect class="sd-run sd-phase-(.*?)" x="(.*?)"', first)[:2] == [
        ("stage", "15.00%"),
        ("activate", "60.00%"),
    ]
    assert ("sd-live" in drawing[0], "sd-live" in drawing[1]) == (True, False)


def test_one_host_has_no_lane_and_no_table(viewer: Client, deployment: Deployment) -> None:
    html = page(viewer, f"{LIST}{deployment.pk}/change/")
    assert "sd-lane" not in html
    assert "<h2>Hosts</h2>" not in html


# the log and the files


def test_the_log_is_plain_text(viewer: Client, deployment: Deployment) -> None:
    response = viewer.get(f"{LIST}{deployment.pk}/log/")
    assert response.content.decode() == deployment.log
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_generated_files_are_shown_as_text(
    viewer: Client, deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etc = tmp_path / "releases" / ID / "etc"
    etc.mkdir(parents=True)
    (etc / "<b>site.conf").write_text("server { # <script>alert(1)</script>\n}\n")
    monkeypatch.setenv("SELFDEPLOY_ROOT", str(tmp_path))
    html = page(viewer, f"{LIST}{deployment.pk}/files/")
    assert texts(between(html, "<details", "</details>"))[1:] == [
        "&lt;b&gt;site.conf",
        "server { # &lt;script&gt;alert(1)&lt;/script&gt;",
        "}",
    ]
    assert f'href="{LIST}{deployment.pk}/change/"' in html


@pytest.mark.parametrize("root", ["", "/nowhere"])
def test_a_release_that_is_elsewhere_has_no_files_here(
    viewer: Client, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    monkeypatch.setenv("SELFDEPLOY_ROOT", root)
    html = page(viewer, f"{LIST}{deployment.pk}/files/")
    assert "The files of this release are not on this machine, or not any more." in html


# text of strangers


@pytest.fixture
def hostile(tmp_path: Path) -> Deployment:
    words = ("kind", "target", "release", "previous", "commit", "subject", "who", "host", "status")
    tables = ("versions", "configuration", "options")
    step = {**STEPS[0], **dict.fromkeys(("phase", "name", "status", "note", "tail"), HOSTILE)}
    return imported(
        tmp_path,
        **dict.fromkeys(words, HOSTILE),
        **{key: {HOSTILE: HOSTILE} for key in tables},
        steps=[step],
        warnings=[HOSTILE],
        error=dict.fromkeys(("error", "message", "hint", "exit_code"), HOSTILE),
    )


@pytest.mark.parametrize("path", ["", "{pk}/change/", "{pk}/files/", "{pk}/history/"])
def test_hostile_text_is_shown_harmless(viewer: Client, hostile: Deployment, path: str) -> None:
    html = page(viewer, LIST + path.format(pk=hostile.pk))
    assert "<script>alert" not in html
    assert not set("\x1b\x00\u202e\x07") & set(html)


def test_hostile_text_is_hostile_to_no_row_that_others_wrote(viewer: Client, hostile: Deployment) -> None:
    """Escaping does not rest on the import alone."""
    Deployment.objects.update(who="<img src=x onerror=alert(1)>", error_message="<b>", warnings=["</li><b>"])
    html = page(viewer, f"{LIST}{hostile.pk}/change/")
    assert "<img" not in html
    assert "<b>" not in html
