"""The commands beside `deploy`, on a site that is live."""

from __future__ import annotations

import json

import pytest

from .conftest import MakeSite
from .order import expect_in_order
from .probing import SOME, no_request_lost
from .site import Site


def test_status_tells_release_and_processes(site: Site) -> None:
    told = site.manage("deploy_status").stdout
    assert f"release   {site.current} " in told
    assert "healthy   yes" in told
    found = site.status()
    assert {row["program"] for row in found["processes"]} == set(site.groups)
    assert all(row["state"] == "RUNNING" and row["memory"] > 0 for row in found["processes"])


def test_history_tells_what_was_deployed(site: Site) -> None:
    [row] = json.loads(site.manage("deploy_history", "--json", "--count", "1").stdout)
    assert (row["kind"], row["release"], row["status"]) == ("deploy", site.current, "succeeded")
    assert 0 < row["live_after"] < row["seconds"]
    assert site.current in site.manage("deploy_history").stdout


def test_logs_tell_what_the_processes_wrote(site: Site) -> None:
    told = site.manage("deploy_logs").stdout
    assert "Booting worker" in told
    assert "GET /release/" not in told
    site.get("/release/")
    assert "GET /release/" in site.manage("deploy_logs", "access").stdout
    refused = site.manage("deploy_logs", "nothing", check=False)
    assert refused.returncode == 14
    assert "There is no log 'nothing'.\nThere are: web, access, front, supervisord." in refused.stderr


def test_config_diff_tells_what_another_setting_would_change(site: Site) -> None:
    assert site.manage("deploy_config", "--diff").stdout == "Nothing differs from what is live.\n"
    site.target["APP_SERVER"] = {"BACKEND": "gunicorn", "OPTIONS": {"workers": 3}}
    told = site.manage("deploy_config", "--diff").stdout
    assert "-workers = 2\n+workers = 3" in told
    assert "SECRET" not in told


def test_run_runs_a_command_in_the_live_release(site: Site) -> None:
    assert site.manage("deploy_run", "guestbook_count").stdout == "0\n"
    place = "import os; print(os.getcwd())"
    assert site.manage("deploy_run", "shell", "-c", place).stdout.strip().endswith(f"/{site.current}/source")
    assert site.manage("deploy_run", "no_such_command", check=False).returncode == 1


def test_stop_and_start(site: Site) -> None:
    live = site.current
    site.manage("deploy_stop")
    with pytest.raises(ConnectionRefusedError):
        site.get("/")
    assert site.groups == {}
    stopped = site.manage("deploy_status", check=False)
    assert (stopped.returncode, "healthy   NO" in stopped.stdout) == (1, True)
    site.manage("deploy_start")
    expect_in_order(site, live=live, status="succeeded")
    assert site.manage("deploy_status").returncode == 0


def test_a_stopped_site_can_be_deployed(site: Site) -> None:
    site.manage("deploy_stop")
    site.change()
    site.deploy()
    expect_in_order(site, live=site.current, status="succeeded")


def test_restart_takes_up_new_variables_and_loses_no_request(site: Site) -> None:
    before = site.current
    text = (site.project / ".env").read_text()
    (site.project / ".env").write_text(f"{text}TIDE=high\n")
    with no_request_lost(site, SOME):
        site.manage("deploy_restart")
    assert site.current == site.serving != before
    tide = "import os; print(os.environ['TIDE'])"
    assert site.manage("deploy_run", "shell", "-c", tide).stdout.splitlines()[-1] == "high"
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.journals[0]["kind"] == "restart"


def test_nothing_is_live_before_the_first_deployment(make_site: MakeSite) -> None:
    site = make_site()
    assert site.manage("deploy_history").stdout == "Nothing was deployed yet.\n"
    for command in ("deploy_rollback", "deploy_restart", "deploy_start", "deploy_stop"):
        refused = site.manage(command, check=False)
        assert refused.returncode == 14, (command, refused.stderr)
    assert site.manage("deploy_run", "check", check=False).returncode == 14
    assert site.manage("deploy_status", check=False).returncode == 1
    assert not site.root.exists()
