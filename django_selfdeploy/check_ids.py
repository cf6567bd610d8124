"""Every message that carries an id of ours: its level, what is found, and what to do. The reference is made from it."""

from __future__ import annotations

from typing import NamedTuple

from django.core import checks

from .project.consistency.ids import IDS
from .project.consistency.surroundings import LEVELS
from .project.consistency.tls import FORWARDED


class Kind(NamedTuple):
    """What an id stands for: its level, what is found, and what to do. The reference is made from it."""

    level: int
    what: str
    to_do: str


_put_right = "With ADJUST_SETTINGS the deployment puts it right: see the W or I of the same number."
_nothing = "Nothing: a place outside of the project is left alone."

ALL_CHECKS: dict[str, Kind] = {
    "selfdeploy.W001": Kind(checks.WARNING, "DEBUG is on.", "Read it with env.bool, as `deploy_init` writes it."),
    "selfdeploy.W002": Kind(
        checks.WARNING, "SECRET_KEY is startproject's, or empty.", "Read it from .env, as `deploy_init` writes it."
    ),
    "selfdeploy.W003": Kind(checks.WARNING, "ALLOWED_HOSTS is empty.", "List the names of the site in it."),
    "selfdeploy.I004": Kind(checks.INFO, "A SQLite file lies in the folder that a new release replaces.", _nothing),
    "selfdeploy.I005": Kind(checks.INFO, "MEDIA_ROOT lies in the folder that a new release replaces.", _nothing),
    "selfdeploy.I006": Kind(checks.INFO, "A storage lies in the folder that a new release replaces.", _nothing),
    "selfdeploy.E001": Kind(checks.ERROR, "W001 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E002": Kind(checks.ERROR, "W002 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E003": Kind(checks.ERROR, "W003 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E004": Kind(checks.ERROR, "I004 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E005": Kind(checks.ERROR, "I005 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E006": Kind(checks.ERROR, "I006 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E007": Kind(
        checks.ERROR, "An app has more than one last migration.", "Run `manage.py makemigrations --merge`."
    ),
    "selfdeploy.E008": Kind(
        checks.ERROR, "WSGI_APPLICATION is not set.", 'Write WSGI_APPLICATION = "mysite.wsgi.application".'
    ),
    "selfdeploy.E009": Kind(
        checks.ERROR, "No page could prove that a release works.", "Name one that answers 200 in PROBE_PATH."
    ),
    "selfdeploy.W009": Kind(
        checks.WARNING,
        "Another app owns the command `deploy`.",
        "List django_selfdeploy before it in INSTALLED_APPS, or run `python -m django_selfdeploy deploy`.",
    ),
    "selfdeploy.E010": Kind(checks.ERROR, "SELFDEPLOY is not valid.", "What the hint of the message says."),
    "selfdeploy.W010": Kind(checks.WARNING, "The user who deploys is root.", "Deploy as a user who owns nothing else."),
    "selfdeploy.W011": Kind(
        checks.WARNING,
        "SECURE_SSL_REDIRECT sends visitors to https, which the front server does not speak.",
        "List the TLS proxy in trusted_proxies of FRONT, or set SECURE_SSL_REDIRECT = False.",
    ),
    "selfdeploy.W012": Kind(
        checks.WARNING,
        "SECURE_PROXY_SSL_HEADER names a header that the front server passes on as the visitor sent it.",
        f"Write SECURE_PROXY_SSL_HEADER = {FORWARDED}.",
    ),
    "selfdeploy.W013": Kind(
        checks.WARNING,
        "Cookies are for https only, and the front server speaks http: nobody can log in.",
        "List the TLS proxy in trusted_proxies of FRONT, or set it to False.",
    ),
    "selfdeploy.W014": Kind(
        checks.WARNING,
        "A cache in local memory is not shared by the worker processes.",
        "Use a cache that they share, for example the database's, or one worker.",
    ),
    "selfdeploy.E018": Kind(
        checks.ERROR, "The models of an app of the project have changes without a migration.", "Run `makemigrations`."
    ),
    "selfdeploy.W018": Kind(
        checks.WARNING,
        "The models of an installed app have changes without a migration.",
        "See whether a setting of yours changes its models, for example DEFAULT_AUTO_FIELD.",
    ),
    "selfdeploy.E019": Kind(
        checks.ERROR,
        "A database has migrations that the release lacks, and no release on this host has them.",
        "Deploy a commit that has them; `migrate APP --prune` forgets those that were squashed.",
    ),
    "selfdeploy.W019": Kind(
        checks.WARNING,
        "A database has migrations of newer releases, as after a rollback.",
        "See that the code of this release gets along with them.",
    ),
    "selfdeploy.E020": Kind(
        checks.ERROR,
        "A migration is applied before one that it depends on.",
        "Apply or fake what is missing with `manage.py migrate`.",
    ),
    "selfdeploy.E021": Kind(
        checks.ERROR, "The migrations do not fit together: one names another that is not there.", "Add what is missing."
    ),
    "selfdeploy.E022": Kind(
        checks.ERROR,
        "A migration declares a kind that there is not.",
        'Write selfdeploy = "expand", "locking" or "contract".',
    ),
    "selfdeploy.W023": Kind(
        checks.WARNING,
        "A migration with SQL or Python of its own is applied before the switch, unjudged.",
        'Let it declare itself: selfdeploy = "expand" or "contract".',
    ),
    "selfdeploy.W024": Kind(
        checks.WARNING, "The judgement on a migration was overruled.", "Nothing, if that was meant."
    ),
    "selfdeploy.W025": Kind(
        checks.WARNING,
        "A migration locks a table that is not small.",
        "What the message says, or `--maintenance`.",
    ),
    "selfdeploy.E026": Kind(
        checks.ERROR,
        "A migration that is one transaction builds or removes an index concurrently, which can be in none.",
        "Give the migration `atomic = False`.",
    ),
    "selfdeploy.I015": Kind(
        checks.INFO,
        "The project has no requirements file, so the packages of this virtualenv are installed.",
        "Write a requirements.txt; `deploy_init` makes a first one.",
    ),
    "selfdeploy.I016": Kind(
        checks.INFO, "The project is not in git, so its folder is deployed as it is.", "Run `git init`, and commit."
    ),
    "selfdeploy.I017": Kind(
        checks.INFO,
        "Files that lie in the project are not deployed.",
        "Commit them, if the site needs them; environment files and databases never are.",
    ),
    "selfdeploy.E030": Kind(
        checks.ERROR,
        "A page is answered worse by the new release than by the live one.",
        "What its traceback names. A page that must not be asked: list it in SKIP of SMOKE.",
    ),
    "selfdeploy.E031": Kind(checks.ERROR, "A template does not compile.", "Mend it, or remove it if nothing uses it."),
    "selfdeploy.E032": Kind(checks.ERROR, "A template names a URL that there is not.", "Mend the name in {% url %}."),
    "selfdeploy.E033": Kind(
        checks.ERROR,
        "A template names a static file that is not in the manifest, so its page would fail.",
        "Mend the name in {% static %}, or add the file.",
    ),
    "selfdeploy.W033": Kind(
        checks.WARNING,
        "A template names a static file that there is not.",
        "Mend the name in {% static %}, or add the file.",
    ),
    "selfdeploy.W034": Kind(
        checks.WARNING, "The installed packages do not fit each other.", "Choose versions that do; see `pip check`."
    ),
    "selfdeploy.W035": Kind(
        checks.WARNING, "A vulnerability of a package is known.", "Require a version in which it is mended."
    ),
    "selfdeploy.W090": Kind(
        checks.WARNING,
        "Tasks wait in a queue under names that the new release does not have.",
        "Let the live release finish them, or keep their names for one release more: Celery throws such tasks away.",
    ),
    "selfdeploy.E091": Kind(
        checks.ERROR,
        "An entry of PROCESSES has no command, and no process of its name was found.",
        "Give it a COMMAND.",
    ),
    "selfdeploy.I091": Kind(
        checks.INFO,
        "A process was found that the project needs besides the web server.",
        "Nothing; an entry of PROCESSES changes it, None leaves it out.",
    ),
    "selfdeploy.W092": Kind(
        checks.WARNING,
        "Redis gives a task out again while it still runs.",
        "Set visibility_timeout to more than the longest task takes.",
    ),
    "selfdeploy.I093": Kind(
        checks.INFO,
        "Nothing limits how long a task runs, so its worker gets 600 seconds to finish.",
        "Limit the tasks, or give the process a STOP_TIMEOUT.",
    ),
    "selfdeploy.W094": Kind(checks.WARNING, "A schedule names a task which there is not.", "Mend its name."),
    "selfdeploy.W095": Kind(
        checks.WARNING,
        "No host has the role of a process that was found, so it runs nowhere.",
        "Give a host the role, or the process another ROLE.",
    ),
    "selfdeploy.W096": Kind(
        checks.WARNING,
        "A queue is kept in the folder that a new release replaces.",
        "Keep it in the folder that the variable SELFDEPLOY_SHARED names.",
    ),
    "selfdeploy.I097": Kind(
        checks.INFO,
        "A queue could not be looked into for tasks that the new release does not have.",
        "Nothing, where its server is known not to answer now.",
    ),
    "selfdeploy.W098": Kind(
        checks.WARNING,
        "The project takes websockets, which no APP_SERVER serves.",
        "Run daphne or uvicorn as one of PROCESSES, and send websockets there.",
    ),
    "selfdeploy.W099": Kind(
        checks.WARNING,
        "What a task queue needs could not be found out.",
        "Name its processes in PROCESSES, or leave it: nothing is started for it.",
    ),
    "selfdeploy.W036": Kind(
        checks.WARNING,
        "AUDIT is on, and nothing could be looked up.",
        "Install pip-audit where it reaches its data.",
    ),
    "selfdeploy.E050": Kind(
        checks.ERROR,
        "The settings want a variable that the target's environment lacks. They do not load, so it cannot be accepted.",
        "Add it to the target's environment file.",
    ),
    "selfdeploy.E051": Kind(
        checks.ERROR,
        "The settings cannot make of the value of a variable what they want. They do not load, so it cannot be "
        "accepted.",
        "Mend the value in the target's environment file.",
    ),
    "selfdeploy.W051": Kind(
        checks.WARNING,
        "The value of a variable is neither true nor false, and django-environ reads it as False.",
        "Write True or False.",
    ),
    "selfdeploy.W052": Kind(
        checks.WARNING,
        "A variable is in the target's environment, and nobody is known to read it.",
        "Remove it, or mend its name. One that a library reads: name it in a comment of the settings.",
    ),
    "selfdeploy.I053": Kind(
        checks.INFO,
        "The settings read a variable that those of the live release do not, and it is not set.",
        "Nothing, if its default is right.",
    ),
    "selfdeploy.W054": Kind(
        checks.WARNING,
        "A value begins with `$`, so django-environ takes it for the name of another variable, which there is not.",
        "Choose a value that begins otherwise.",
    ),
    **{name: Kind(LEVELS[name[11]], what, to_do) for name, (what, to_do) in IDS.items()},
}
"""Every id, with those that the deployment itself tells of a release."""
