"""Everything goes well: from nothing to a site, and on to the next release."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from django_selfdeploy.core import queue
from django_selfdeploy.core.queue import Queue

from . import processes
from .conftest import MakeSite
from .order import expect_in_order
from .probing import SOME, no_request_lost
from .site import Site
from .visiting import PNG, hang_picture, sheet_of
from .waiting import until


def test_the_first_deployment_serves_the_site_through_nginx(make_site: MakeSite) -> None:
    site = make_site()
    done = site.deploy()
    assert re.search(rf"^live after \d+\.\d s   http://localhost:{site.port}/$", done.stdout, re.M), done.stdout
    assert done.stderr == ""
    page = site.get("/")
    assert (page.status, page.headers["server"]) == (200, "nginx")
    assert f"<code>{site.current}</code>" in page.text
    expect_in_order(site, live=site.current, status="succeeded")
    status = site.status()
    assert (status["healthy"], status["release"]["id"]) == (True, site.current)
    _there_is_nothing_to_go_back_to(site)


def _there_is_nothing_to_go_back_to(site: Site) -> None:
    live = site.current
    refused = site.manage("deploy_rollback", check=False)
    hint = "`deploy_history` lists what there was; `deploy_rollback --to ID` goes to any release kept."
    message = f"CommandError: There is no good release before the live one.\n{hint}\n"
    assert (refused.returncode, refused.stderr) == (14, message)
    refused = site.manage("deploy_rollback", "--to", "none", check=False)
    message = f"CommandError: There is no release 'none'.\nThere are: {live}.\n"
    assert (refused.returncode, refused.stderr) == (14, message)
    expect_in_order(site, live=live, status="failed")


def test_static_files_have_hashed_names_and_the_right_type(site: Site) -> None:
    path = sheet_of(site.get("/"))
    assert re.fullmatch(r"/static/pages/site\.[0-9a-f]{12}\.css", path)
    sheet = site.get(path)
    assert (sheet.status, sheet.headers["content-type"]) == (200, "text/css")
    [image] = re.findall(r'url\("(waves\.[0-9a-f]{12}\.svg)"\)', sheet.text)
    assert site.get(f"/static/pages/{image}").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    ["/static/none.css", "/media/none.png", "/nowhere/", "/.env", "/static/.env", "/static/../.env", "/manage.py"],
)
def test_what_is_not_there_is_a_404(site: Site, path: str) -> None:
    assert site.get(path).status in (400, 404)


def test_a_host_that_the_project_does_not_allow_gets_no_answer(site: Site) -> None:
    with pytest.raises(ConnectionError):
        site.get("/", host="elsewhere.example")


def test_a_request_that_no_thread_is_free_for_waits_where_any_worker_can_take_it(site: Site) -> None:
    """Two workers with four threads each answer eight requests at a time; the ninth stays in the socket's queue."""
    socket = f"{site.root}/releases/{site.current}/app.sock"
    with ThreadPoolExecutor(9) as pool:
        slow = [pool.submit(site.get, "/slow/?seconds=2") for _ in range(9)]
        until(lambda: queue.of(socket) == Queue(listening=True, waiting=1, open=8), what="the ninth waits", seconds=10)
    assert {request.result().status for request in slow} == {200}


def test_uploads_and_rows_survive_the_next_release(site: Site) -> None:
    path = hang_picture(site, "The ferry")
    assert site.get(path).body == PNG
    before = site.current
    site.change()
    site.deploy()
    assert site.current != before
    assert site.get(path).body == PNG
    assert "The ferry" in site.get("/gallery/").text


def test_a_second_deployment_loses_no_request(site: Site) -> None:
    before = site.current
    site.change()
    with no_request_lost(site, SOME):
        site.deploy()
    assert site.current > before
    expect_in_order(site, live=site.current, status="succeeded")


def test_the_hashed_files_of_the_release_before_are_still_served(site: Site) -> None:
    before = sheet_of(site.get("/"))
    site.append("pages/static/pages/site.css", "\n.new { color: red }\n")
    site.commit("Paint it red")
    site.deploy()
    after = sheet_of(site.get("/"))
    assert after != before
    assert ".new{color:red}" in site.get(after).text
    old = site.get(before)
    assert (old.status, ".new" in old.text) == (200, False)


def test_nothing_is_done_when_nothing_changed(site: Site) -> None:
    site.deploy()
    live, journals, running = site.current, len(site.journals), processes.belonging_to(site.root)
    done = site.deploy()
    assert done.stdout.endswith(f"\n{live} is live already; `--force` deploys it all the same.\n")
    assert processes.belonging_to(site.root) == running
    assert site.releases[-1] == live
    expect_in_order(site, live=live, status="unchanged")
    assert len(site.journals) == journals + 1


def test_force_deploys_though_nothing_changed(site: Site) -> None:
    before = site.current
    site.deploy("--force")
    assert site.current > before
    expect_in_order(site, live=site.current, status="succeeded")


def test_what_is_superseded_is_removed(site: Site) -> None:
    site.target["KEEP"] = 2
    ids = []
    for message in ("one", "two"):
        site.change(message)
        site.deploy()
        ids.append(site.current)
    assert site.releases == ids
    assert {path.name for path in (site.root / "log").iterdir() if path.is_dir()} == set(ids)
    assert len(list((site.root / "envs").iterdir())) == 1
    expect_in_order(site, live=ids[-1])


def test_the_tests_of_the_project_run_in_the_new_release(site: Site) -> None:
    site.target["TESTS"] = ["pages"]
    site.change()
    assert "run the tests" in site.deploy().stdout
    [tests] = [step for step in site.journals[0]["steps"] if step["name"] == "run the tests"]
    assert "OK" in tests["tail"]


def test_a_worker_finishes_its_task_when_it_is_replaced(site: Site) -> None:
    site.target["PROCESSES"] = {"worker": {"COMMAND": ["python", "manage.py", "pages_worker", "--seconds", "0.3"]}}
    site.change()
    site.deploy()
    first = site.current
    site.change()
    site.deploy()
    assert site.groups[f"website-{site.current}-worker"] == "RUNNING"
    assert f"website-{first}-worker" not in site.groups
    last = (site.root / "log" / first / "worker.log").read_text().splitlines()[-1]
    assert re.search(rf"\[{first}\]: stopped after \d+ tasks$", last), last
    del site.target["PROCESSES"]
    site.deploy()
    expect_in_order(site, live=site.current, status="succeeded")
