"""What the golden files show: plans of deployments, and the configuration of targets, each by its name."""

from pathlib import PurePosixPath
from typing import Any

from django_selfdeploy.backends import nginx_needs
from django_selfdeploy.context import Context
from django_selfdeploy.core.actions.files import Write
from django_selfdeploy.core.setup_script import FUNCTIONS, script_of
from django_selfdeploy.steps import activate, plans
from django_selfdeploy.steps.setup import Preparation, setup_plan
from tests.making import LAYOUT, OLD, as_text, context, deployed, facts, host_state, release, target

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


def setups() -> dict[str, Preparation]:
    """A host of each kind that has a golden plan and script of its preparation."""
    key = f"ssh-ed25519 {'A' * 68} ann@laptop"
    return {
        "own": Preparation(target(PORT=80), LAYOUT, "deploy", (key,), firewall=True),
        "machines": Preparation(target(FRONT=SYSTEM["FRONT"]), LAYOUT, "deploy", (key,)),
        "root": Preparation(target(**SYSTEM), LAYOUT, "root"),
    }


def setup_texts(wanted: Preparation) -> dict[str, str]:
    """The plan, and what is its own of the script, with a word for the helper's text."""
    plan = setup_plan(wanted)
    helper = nginx_needs.helper_text(wanted.target, wanted.layout, "/etc/nginx/conf.d")
    script = script_of(plan).removeprefix(FUNCTIONS).replace(helper, "(the helper of nginx)\n")
    return {"json": as_text(plan), "sh.txt": script}


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
        "below-a-path": context(
            facts=facts(script_name="/app", static_url="/app/assets/v1/", media_url="/app/assets/v1/media/")
        ),
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
        "system-root": context(settings=SYSTEM, state=host_state(front_user="www-data", uid=0, user="root")),
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
    for name, wanted in setups().items():
        found |= {f"setup-{name}.{ending}": text for ending, text in setup_texts(wanted).items()}
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
