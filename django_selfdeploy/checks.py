"""System checks of the machine that deploys.

They have a tag of their own and run with `check --deploy` only: a mistake in SELFDEPLOY stops no other command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.management import get_commands

from . import conf
from .check_ids import ALL_CHECKS
from .conf import Target
from .core.errors import ConfigError
from .core.layout import Layout
from .places import surroundings
from .project import adjust
from .project.adjustment import Adjustment, Places
from .project.consistency import every, looking
from .project.place import project_folder

TAG = "selfdeploy"
OURS = "django_selfdeploy"

ADJUSTED = (
    *("DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "MEDIA_ROOT", "MEDIA_URL", "DATABASES", "STORAGES"),
    *("LOGGING", "CACHES", "SESSION_ENGINE", "SESSION_FILE_PATH"),
)
"""What adjust.py asks for; taken as written, since Django raises for an empty key and gives "" as the URL "/"."""


def register() -> None:
    """Make the checks known to Django; once, in AppConfig.ready."""
    checks.register(check, TAG, deploy=True)


def check(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    """All that is to be told of the settings that are loaded, for every target."""
    targets, wrong = _targets()
    found = [*wrong, *_command_name(), *_user()]
    for target in targets:
        for one in (*_consistency(target), *_adjustments(target)):
            found += [] if one in found else [one]
    return found


def message(name: str, what: str, to_do: str = "") -> checks.CheckMessage:
    """A message with the level of its id; `to_do` where the table's is too general."""
    kind = ALL_CHECKS[name]
    return checks.CheckMessage(kind.level, what, hint=to_do or kind.to_do, id=name)


def _targets() -> tuple[list[Target], list[checks.CheckMessage]]:
    """The targets that run with the settings that are loaded, and what is wrong with any."""
    configured = getattr(settings, "SELFDEPLOY", None)
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    targets, wrong = [], []
    for alias in conf.aliases(configured):
        try:
            targets.append(conf.load(alias, configured, settings_module=module))
        except ConfigError as error:
            wrong.append(message("selfdeploy.E010", error.message, error.hint))
    return [target for target in targets if target.settings_module == module], wrong


def _command_name() -> Iterator[checks.CheckMessage]:
    owner: Any = get_commands().get("deploy", OURS)
    name = owner if isinstance(owner, str) else type(owner).__module__
    if name.partition(".")[0] != OURS:
        to_do = (
            f'List "{OURS}" before {name!r} in INSTALLED_APPS, since the first one counts; '
            f"`python -m {OURS} deploy` always works."
        )
        yield message("selfdeploy.W009", f"`manage.py deploy` is a command of {name!r}.", to_do)


def _user() -> Iterator[checks.CheckMessage]:
    if os.geteuid() == 0:
        to_do = "Make a user for it (`manage.py deploy_setup --deploy-as deploy` does), and deploy as that user."
        yield message("selfdeploy.W010", "The user who deploys is 'root', and so is the site's.", to_do)


def _consistency(target: Target) -> Iterator[checks.CheckMessage]:
    """What the deployment would tell of the settings, as far as it can be known here."""
    for one in every.messages(looking.values(), surroundings(target), looking.sight()):
        yield checks.CheckMessage(one.level, one.text, hint=one.hint, id=one.id)


def _adjustments(target: Target) -> Iterator[checks.CheckMessage]:
    """What a deployment of these settings would put right, or stop at where it is told not to."""
    try:
        folder = str(project_folder())
    except ConfigError:
        return
    layout = Layout(target.root or "ROOT")
    places = Places(folder, folder, "", layout.shared, layout.media, layout.project_log)
    values = {name: getattr(settings._wrapped, name, None) for name in ADJUSTED}  # type: ignore[misc]
    for one in adjust.adjustments(values, places, str):
        if one.number:
            yield _adjustment(one, applied=target.adjust_settings)


def _adjustment(one: Adjustment, *, applied: bool) -> checks.CheckMessage:
    text = f"{one.found} {one.instead}" if applied else one.found
    return message(one.identity(applied=applied), text, one.hint)
