"""The whole generated configuration of several targets, as the golden files show it; programs accept it."""

import ast
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from supervisor.options import ServerOptions, UnhosedConfigParser

from django_selfdeploy.backends.gunicorn import Gunicorn
from django_selfdeploy.backends.nginx import Nginx
from django_selfdeploy.backends.supervisor import Supervisor
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.release import Control, Front
from tests.golden import cases
from tests.golden.write import kept
from tests.making import LAYOUT, NEW, context, facts, host_state, target

CASES = cases.configurations()


GOLDEN = cases.golden()


def below(name: str, texts: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in texts.items() if path.startswith(name)}


@pytest.mark.parametrize("name", CASES)
def test_the_files_of_a_target_are_those_of_the_golden_files(name: str) -> None:
    """Run `python tests/golden/write.py` to see in the difference what a change of a template does."""
    assert below(f"{name}/", GOLDEN) == below(f"{name}/", kept())


# what programs say of them


@pytest.fixture(scope="module")
def laid_down(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each case's files, whose paths lead into it."""
    found = {}
    for name, made in CASES.items():
        folder = tmp_path_factory.mktemp(name)
        places = {
            f"/srv/mysite/releases/{NEW}/etc": folder,
            "/srv/mysite/etc": folder,
            "/srv/mysite/current/etc": folder,
        }
        for path, text in {**cases.files(made), "mime.types": "types { }\n"}.items():
            for place, instead in {**places, "/srv/mysite/log": folder, "/srv/mysite/run": folder}.items():
                text = text.replace(place, str(instead))
            text = re.sub(r"(listen (?:\[::\]:)?)80( |;)", r"\g<1>8080\2", text)  # 80 is for root only
            (folder / path).write_text(text)
        found[name] = folder
    return found


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not here")
def test_nginx_accepts_every_configuration(laid_down: dict[str, Path]) -> None:
    said = {}
    for name, folder in laid_down.items():
        words = ("nginx", "-t", "-q", "-e", f"{folder}/e.log", "-p", str(folder), "-c", f"{folder}/nginx-trial.conf")
        done = subprocess.run(words, capture_output=True, text=True)
        said[name] = (done.returncode, "".join(line for line in done.stderr.splitlines() if "[warn]" not in line))
    assert said == dict.fromkeys(CASES, (0, ""))


ON_PURPOSE = {
    "host_spoofing": "Django judges the Host header itself, and needs its port; other hosts get no answer",
    "try_files_is_evil_too": "a file's name in `current` must be looked up anew after a switch",
    "worker_rlimit_nofile_vs_connections": "worker_connections counts those to the application too (nginx's manual)",
}
"""What gixy remarks of our configuration and why it is so; other remarks fail the test."""


def test_gixy_finds_nothing_that_is_not_on_purpose(laid_down: dict[str, Path]) -> None:
    pytest.importorskip("gixy")
    code = "import sys; from gixy.cli.main import main; main()"
    words = (
        sys.executable,
        "-c",
        code,
        "--format",
        "json",
        "--skips",
        ",".join(ON_PURPOSE),
        f"{laid_down['trusted-proxies']}/nginx.conf",
    )
    done = subprocess.run(words, capture_output=True, text=True)
    assert (json.loads(done.stdout), done.stderr) == ([], "")


@pytest.mark.parametrize("name", CASES)
def test_supervisor_reads_every_configuration(name: str) -> None:
    made = cases.files(CASES[name])
    for path in ("supervisor.conf", "workers.conf", "supervisord.conf", "mysite-front.conf"):
        if path in made:
            parser = UnhosedConfigParser()
            parser.read_file(io.StringIO(made[path]))
            assert parser.sections()
            assert all(value for section in parser.sections() for value in dict(parser[section]).values())


def test_supervisor_makes_the_programs_that_are_meant(laid_down: dict[str, Path]) -> None:
    folder = laid_down["workers"]
    (folder / NEW).mkdir()
    options, parser = ServerOptions(), UnhosedConfigParser()
    parser.read((f"{folder}/supervisor.conf", f"{folder}/workers.conf"))
    made = [
        process
        for section in parser.sections()
        for process in options.processes_from_section(parser, section, section.partition(":")[2])
    ]
    found = {
        process.name.removeprefix(f"mysite-{NEW}-"): (
            shlex.split(process.command)[4:],
            process.stdout_logfile.removeprefix(f"{folder}/{NEW}/"),
            process.stopwaitsecs,
        )
        for process in made
    }
    conf = f"{folder}/gunicorn.conf.py"
    assert found == {
        "web": (["gunicorn", "--config", conf], "web.log", 35),
        "mail": (["python", "manage.py", "send_mail", "--every", "5 s"], "mail.log", 120),
        "thumbnails_00": (["python", "manage.py", "thumbnails"], "thumbnails_00.log", 60),
        "thumbnails_01": (["python", "manage.py", "thumbnails"], "thumbnails_01.log", 60),
    }


@pytest.mark.parametrize("name", CASES)
def test_gunicorns_configuration_is_python_that_names_the_release(name: str) -> None:
    text = cases.files(CASES[name])["gunicorn.conf.py"]
    ast.parse(text)
    module = ModuleType("conf")
    exec(text, module.__dict__)
    assert (module.bind, module.umask, module.proc_name) == (f"unix:/srv/mysite/releases/{NEW}/app.sock", 0o117, NEW)
    assert callable(module.post_worker_init)


def gunicorn_conf(**options: Any) -> ModuleType:
    """The configuration for these options of gunicorn, as gunicorn reads it."""
    made = context(settings={"APP_SERVER": {"BACKEND": "gunicorn", "OPTIONS": options}})
    module = ModuleType("conf")
    exec(made.target.app_server.files(made)["gunicorn.conf.py"], module.__dict__)
    return module


def test_a_worker_with_threads_takes_no_connection_that_has_to_wait_for_one() -> None:
    made = gunicorn_conf(threads=3)
    assert (made.worker_class, made.threads, made.worker_connections, made.keepalive) == ("gthread", 3, 3, 0)


def test_a_gunicorn_that_would_not_read_from_the_last_connection_is_not_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gunicorn.version_info", (23, 0, 0))
    made = gunicorn_conf(threads=3)
    assert made.threads == 3
    assert not hasattr(made, "worker_connections")
    assert not hasattr(made, "keepalive")


@pytest.mark.parametrize("worker_class", ["sync", "gevent"])
def test_only_gthread_has_threads(worker_class: str) -> None:
    made = gunicorn_conf(worker_class=worker_class, threads=3)
    assert (made.worker_class, made.threads) == (worker_class, 1)
    assert not hasattr(made, "worker_connections")


# what the parts say of themselves


def test_a_front_server_of_our_own_is_reached_by_the_loopback_address() -> None:
    made = context(settings={"PORT": 8080})
    front = made.target.front.front(made)
    assert re.fullmatch(r"[0-9a-f]{16}", front.marker)
    assert front == Front(
        address="127.0.0.1:8080",
        marker=front.marker,
        marker_host="mysite.selfdeploy.invalid",
        own=True,
        group="mysite-front",
        log="/srv/mysite/log/front-error.log",
    )


def test_the_machines_front_server_gets_a_link_and_its_own_commands() -> None:
    options = {"scope": "system", "include": "/etc/nginx/sites", "reload_command": ["systemctl", "reload", "nginx"]}
    made = context(settings={"FRONT": {"BACKEND": "nginx", "OPTIONS": options}})
    front = made.target.front.front(made)
    assert (front.own, front.links, front.check, front.reload) == (
        False,
        (("/etc/nginx/sites/mysite.conf", "/srv/mysite/current/etc/site.conf"),),
        ("nginx", "-t"),
        ("systemctl", "reload", "nginx"),
    )
    assert made.target.front.program_conf(made, "/usr/sbin/nginx") == ""


def test_an_ordinary_user_reaches_the_machines_front_server_by_the_helper() -> None:
    made = context(settings={"FRONT": {"BACKEND": "nginx", "OPTIONS": {"scope": "system"}}})
    front = made.target.front.front(made)
    assert (front.links, front.check, front.reload) == ((), (), ())
    assert front.helper == ("sudo", "-n", "/usr/local/sbin/selfdeploy-mysite-nginx")
    assert front.site == "/srv/mysite/current/etc/site.conf"
    assert made.target.front.socket_group(made) == "mysite-front"
    root = replace(made, state=host_state(uid=0))
    assert root.target.front.front(root).helper == ()
    assert root.target.front.socket_group(root) == ""


@pytest.mark.parametrize(
    ("bind", "address"),
    [("0.0.0.0", "127.0.0.1:8000"), ("10.0.0.5", "10.0.0.5:8000"), ("::", "[::1]:8000"), ("fd00::1", "[fd00::1]:8000")],
)
def test_this_host_reaches_its_front_server_where_it_listens(bind: str, address: str) -> None:
    made = context(settings={"BIND": bind})
    assert made.target.front.front(made).address == address


def test_the_marker_changes_with_the_configuration_and_not_with_the_release() -> None:
    def marker(**changes: object) -> str:
        made = context(**changes)
        return made.target.front.front(made).marker

    nginx = {"BACKEND": "nginx", "OPTIONS": {"worker_connections": 512}}
    same = [marker(), marker(release="20261123-000000-2d2d2d2d"), marker(fingerprint="0" * 32)]
    others = [
        marker(settings={"PORT": 8001}),
        marker(settings={"FRONT": nginx}),
        marker(facts=facts(allowed_hosts=("example.com",))),
        marker(state=host_state(front_user="www-data")),
    ]
    assert (len(set(same)), len({*same, *others})) == (1, 5)


@pytest.mark.parametrize("setting", ["STATIC_URL", "MEDIA_URL"])
@pytest.mark.parametrize("url", ["static/", "/static", "/", "//cdn.example/", "https://cdn.example/x/", "/a/../b/"])
def test_a_url_that_nginx_cannot_serve_is_refused(setting: str, url: str) -> None:
    made = context(facts=facts(**{setting.lower(): url}))
    with pytest.raises(ConfigError) as caught:
        made.target.front.files(made)
    assert str(caught.value) == (
        f"{setting} is {url!r}, which is no path that nginx can serve.\n"
        f'Write for example {setting} = "{setting[:-4].lower()}/".'
    )


def test_a_static_url_with_a_variable_is_refused() -> None:
    made = context(facts=facts(static_url="/$uri/"))
    with pytest.raises(ConfigError, match="which nginx takes for a variable"):
        made.target.front.files(made)


def test_commands_and_checks_are_words() -> None:
    made = context()
    conf = f"/srv/mysite/releases/{NEW}/etc/gunicorn.conf.py"
    assert made.target.app_server.command(made) == ("gunicorn", "--config", conf)
    assert made.target.app_server.check(made) == ("gunicorn", "--config", conf, "--check-config")
    trial = f"/srv/mysite/releases/{NEW}/etc/nginx-trial.conf"
    assert made.target.front.check(made, "/usr/sbin/nginx") == (
        *("/usr/sbin/nginx", "-t", "-q", "-p", "/srv/mysite", "-c", trial),
    )


def test_the_control_of_a_supervisord_is_ours_or_the_machines() -> None:
    start = ("/srv/mysite/tools/bin/supervisord", "--configuration", "/srv/mysite/etc/supervisord.conf")
    own = Control("/srv/mysite/run/supervisor.sock", "/srv/mysite/etc/programs", own=True, start=start)
    system = Control("/run/supervisor.sock", "/etc/supervisor/conf.d", own=False)
    machines = target(PROCESS_MANAGER={"BACKEND": "supervisor", "OPTIONS": {"scope": "system"}})
    assert target().process_manager.control(LAYOUT) == own
    assert machines.process_manager.control(LAYOUT) == system


def test_a_server_may_take_as_long_to_stop_as_its_requests_and_a_little_more() -> None:
    assert (Gunicorn(graceful_timeout=90).stop_seconds(), Gunicorn().stop_seconds()) == (95.0, 35.0)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        (Gunicorn(worker_class="eventlet"), "worker_class 'eventlet' is not one of sync, gthread, gevent."),
        (Gunicorn(workers=0), "workers and threads are at least 1."),
        (Gunicorn(threads=0), "workers and threads are at least 1."),
        (Nginx(scope="mine"), "scope 'mine' is not one of own, system."),
        (
            Nginx(trusted_proxies=("10.0.0.0/8", "proxy")),
            "trusted_proxies has 'proxy', which is no address or network.",
        ),
        (Supervisor(scope="mine"), "scope 'mine' is not one of own, system."),
    ],
)
def test_options_that_cannot_be_are_a_problem(part: Gunicorn | Nginx | Supervisor, problem: str) -> None:
    assert part.problems() == (problem,)


def test_options_that_can_be_are_none() -> None:
    assert Gunicorn(worker_class="gevent").problems() == ()
    assert Nginx(trusted_proxies=("10.0.0.0/8", "::1")).problems() == ()
    assert Supervisor(scope="system").problems() == ()
