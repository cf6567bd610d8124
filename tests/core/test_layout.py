"""Every path below the root, in one place."""

from django_selfdeploy.core.layout import SOCKET_PATH_LIMIT, Layout


def test_a_layout_names_every_place() -> None:
    layout = Layout("/srv/mysite")
    places = {name: getattr(layout, name) for name, kind in vars(Layout).items() if isinstance(kind, property)}
    assert places == {
        "backups": "/srv/mysite/backups",
        "bin": "/srv/mysite/bin",
        "control": "/srv/mysite/run/supervisor.sock",
        "current": "/srv/mysite/current",
        "envs": "/srv/mysite/envs",
        "etc": "/srv/mysite/etc",
        "journals": "/srv/mysite/journal",
        "live_socket": "/srv/mysite/current/app.sock",
        "lock": "/srv/mysite/lock",
        "log": "/srv/mysite/log",
        "media": "/srv/mysite/shared/media",
        "project_log": "/srv/mysite/log/project",
        "old_static": "/srv/mysite/shared/public",
        "previous_variables": "/srv/mysite/shared/.env.previous",
        "programs": "/srv/mysite/etc/programs",
        "releases": "/srv/mysite/releases",
        "run": "/srv/mysite/run",
        "secret_key": "/srv/mysite/shared/secret_key",
        "shared": "/srv/mysite/shared",
        "tools": "/srv/mysite/tools",
        "uv": "/srv/mysite/tools/bin/uv",
        "variables": "/srv/mysite/shared/.env",
        "window": "/srv/mysite/window",
    }


def test_a_layout_names_the_places_of_a_release_an_environment_and_a_deployment() -> None:
    layout = Layout("/srv/mysite")
    found = (layout.release("1"), layout.socket("1"), layout.release_log("1"), layout.env("e"), layout.journal("j"))
    assert found == (
        "/srv/mysite/releases/1",
        "/srv/mysite/releases/1/app.sock",
        "/srv/mysite/log/1",
        "/srv/mysite/envs/e",
        "/srv/mysite/journal/j.json",
    )


def test_the_longest_socket_is_that_of_a_release() -> None:
    assert Layout("/srv/mysite").longest_socket() == "/srv/mysite/releases/20260101-000000-12345678/app.sock"
    assert SOCKET_PATH_LIMIT == 107
