"""What the golden files show: plans of deployments, and the configuration of targets, each by its name."""

from pathlib import PurePosixPath
from typing import Any

from django_selfdeploy.context import Context
from django_selfdeploy.core.actions.files import Write
from django_selfdeploy.steps import activate, plans
from tests.making import OLD, as_text, context, deployed, facts, host_state, release

WORKERS = {
    "PROCESSES": {
        "mail": {"COMMAND": ["python", "manage.py", "send_mail", "--every", "5 s"], "STOP_TIMEOUT": 120.0},
        "thumbnails": {"COMMAND": ["python", "manage.py", "thumbnails"], "NUMPROCS": 2},
    }
}
SYSTEM = {
    "PORT": 80,
    "FRONT": {"BACKEND": "nginx", "OPTIONS": {"scope": "system"}},
    "PROCESS_MANAGER": {"BACKEND": "supervisor", "OPTIONS": {"scope": "system"}},
}
ENV = "e" * 16
MEDIA = "/srv/mysite/shared/media"


def deployments() -> dict[str, Context]:
    """A context for each kind of deployment that has a golden plan."""
    old = release(OLD)
    redeployed = deployed(old, envs=("0" * 16,), boot_installed=False)
    return {
        "first": context(),
        "redeploy": context(state=redeployed, base=f"/srv/mysite/releases/{OLD}/source"),
        "workers": context(settings=WORKERS, uv=""),
        "unchanged-env": context(
            state=deployed(old, envs=(ENV,)),
            base=f"/srv/mysite/releases/{OLD}/source",
            facts=facts(pending=()),
            variables=None,
            skip_tests=True,
        ),
        "system": context(settings=SYSTEM, state=host_state(front_user="www-data", uid=0, user="root", boot="systemd")),
    }


def plan_texts(made: Context) -> str:
    """Both plans of a deployment, the one that stages and the one that activates."""
    return as_text(plans.stage_plan(made)) + as_text(plans.activate_plan(made))


def configurations() -> dict[str, Context]:
    """A context for each target that has golden files; "localhost" is the one that the others differ from."""
    several = ("example.com", ".example.org", "bücher.example", "[::1]", "127.0.0.1")
    proxies = {"FRONT": {"BACKEND": "nginx", "OPTIONS": {"trusted_proxies": ["10.0.0.0/8", "fd00::/8"]}}}
    return {
        "localhost": context(),
        "several-hosts": context(facts=facts(allowed_hosts=several, prepend_www=True)),
        "any-host": context(facts=facts(allowed_hosts=("*",))),
        "no-media": context(facts=facts(media_url="", media_root="", serves_media=False)),
        "no-static": context(facts=facts(static_url="https://cdn.example/", serves_static=False)),
        "trusted-proxies": context(settings=proxies),
        "ipv6": context(settings={"BIND": "::"}),
        "ipv6-loopback": context(settings={"BIND": "::1"}),
        "ipv4-loopback": context(settings={"BIND": "127.0.0.1"}, state=host_state(ipv6=False)),
        "workers": context(settings=WORKERS),
        "root": context(state=host_state(front_user="www-data", uid=0, user="root")),
        "system": context(settings=SYSTEM, facts=facts(allowed_hosts=("*",))),
        "sendfile": context(
            facts=facts(sendfile_url="/protected/", sendfile_root=f"{MEDIA}/private", hashed_static=False, body_limit=0)
        ),
        "odd-paths": context(
            facts=facts(
                media_url="/my media/",
                media_root='/home/ann/my "best" media',
                static_url="/sta;tic/",
                application="a:b",
            )
        ),
    }


def files(made: Context) -> dict[str, str]:
    """Every file that a deployment generates, by its name."""
    actions = activate.write_configuration(made).actions
    written = {PurePosixPath(one.path).name: one.text for one in actions if isinstance(one, Write)}
    return {name: str(text) for name, text in written.items() if name != "mime.types"}


def golden() -> dict[str, str]:
    """Every golden file's text by its path below tests/golden. Of a configuration only what is its own."""
    found = {f"plan-{name}.json": plan_texts(made) for name, made in deployments().items()}
    usual = files(context())
    for name, made in configurations().items():
        for path, text in files(made).items():
            if name == "localhost" or usual.get(path) != text:
                found[f"{name}/{path}.txt"] = text
    return found


def difference(made: dict[str, str], kept: dict[str, str]) -> list[str]:
    """The paths of golden files that are missing, too many or different."""
    every: Any = made.keys() | kept.keys()
    return sorted(path for path in every if made.get(path) != kept.get(path))
