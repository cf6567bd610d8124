"""Configuration files from Django templates: found as form widgets are, strict, and nothing is escaped for HTML."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.template import Context, Engine
from django.template.exceptions import TemplateDoesNotExist, TemplateSyntaxError

from ..core.errors import ConfigError


def render(name: str, values: dict[str, Any]) -> str:
    """The template selfdeploy/`name` with `values`. Raises ConfigError for a template that does not render.

    A project overrides a file by having one of the same name in the DIRS of its own templates.
    """
    path = f"selfdeploy/{name}"
    try:
        return _engine().get_template(path).render(Context(values, autoescape=False))
    except (TemplateDoesNotExist, TemplateSyntaxError) as error:
        raise ConfigError(
            f"The template {path!r} cannot be used: {error}.",
            hint="Mend the template, or remove the project's own copy to get ours.",
        ) from error


def source(name: str) -> str:
    """The text of the template selfdeploy/`name`, which may be the project's own; "" where it cannot be read."""
    try:
        return str(_engine().get_template(f"selfdeploy/{name}").source)
    except (TemplateDoesNotExist, TemplateSyntaxError):
        return ""


class _Undefined(str):
    """What an unknown variable renders to: an error, not an empty upstream."""

    __slots__ = ()

    def __contains__(self, key: object) -> bool:
        return True

    def __mod__(self, variable: object) -> str:
        raise TemplateSyntaxError(f"the variable {str(variable)!r} is not defined")


@lru_cache(maxsize=1)
def _engine() -> Engine:
    templates: list[dict[str, Any]] = settings.TEMPLATES
    folders = [folder for template in templates for folder in template.get("DIRS", ())]
    return Engine(
        dirs=folders,
        app_dirs=True,
        autoescape=False,
        string_if_invalid=_Undefined("!"),
        libraries={"quoting": "django_selfdeploy.backends.quoting"},
        builtins=["django_selfdeploy.backends.quoting"],
    )
