"""What the settings of a release are compared with: the whole target, of all its hosts."""

from typing import Any

import pytest

from django_selfdeploy.backends import rendering
from django_selfdeploy.places import processes_on, surroundings
from django_selfdeploy.project.consistency.surroundings import Surroundings
from tests.making import target

WEB, BOTH, WORKS = (
    {"ADDRESS": "web1", "ROLES": ["web"]},
    {"ADDRESS": "web2", "ROLES": ["web", "worker", "beat"]},
    {"ADDRESS": "work1", "ROLES": ["worker"]},
)
PROCESSES = {
    "beat": {"COMMAND": ["beat"]},
    "mail": {"COMMAND": ["mail"], "NUMPROCS": 3},
    "sweep": {"COMMAND": ["sweep"], "ONE_HOST": True},
}


def gunicorn(**options: Any) -> dict[str, Any]:
    return {"BACKEND": "gunicorn", "OPTIONS": options}


def nginx(*trusted: str) -> dict[str, Any]:
    return {"BACKEND": "nginx", "OPTIONS": {"trusted_proxies": list(trusted)}}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Surroundings()),
        ({"FRONT": nginx("10.0.0.1")}, Surroundings(proxied=True)),
        ({"APP_SERVER": gunicorn(workers=3, threads=2)}, Surroundings(workers=3, threads=2)),
        ({"APP_SERVER": gunicorn(worker_class="sync")}, Surroundings(threads=1)),
        ({"APP_SERVER": gunicorn(worker_class="gevent")}, Surroundings(threads=1000)),
        ({"PROCESSES": PROCESSES}, Surroundings(processes=5, named=tuple(PROCESSES))),
        (
            {"HOSTS": [WEB, BOTH, WORKS], "PROCESSES": PROCESSES, "FIND_PROCESSES": False},
            Surroundings(hosts=2, processes=8, named=tuple(PROCESSES), finds=False),
        ),
        ({"HOSTS": [WORKS]}, Surroundings(front="", hosts=0)),
        (
            {"FRONT": "django_selfdeploy.backends.no_front.NoFront"},
            Surroundings(front="", proxied=None),
        ),
    ],
)
def test_a_target_in_numbers(settings: dict[str, Any], expected: Surroundings) -> None:
    assert surroundings(target(**settings)) == expected


def test_processes_are_on_the_hosts_that_they_are_counted_for() -> None:
    whole = target(HOSTS=[WEB, BOTH, WORKS], PROCESSES=PROCESSES)
    there = {host.name: set(processes_on(whole, host.name, ())) for host in whole.hosts}
    assert there == {"web1": set(), "web2": {"beat", "mail", "sweep"}, "work1": {"mail"}}


def test_processes_that_are_found_count_unless_the_settings_name_them() -> None:
    found = {"celery": 4, "mail": 1}
    assert Surroundings(processes=3, named=("mail",)).joined_by(found).processes == 7
    assert Surroundings(processes=3, finds=False).joined_by(found).processes == 3


def test_a_front_server_that_sets_hsts_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "add_header" in rendering.source("nginx/site.conf")
    assert rendering.source("nginx/none.conf") == ""
    monkeypatch.setattr(rendering, "source", lambda name: "add_header Strict-Transport-Security max-age=60;")
    assert surroundings(target()).hsts is True
