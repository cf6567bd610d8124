"""How Django knows the app."""

from __future__ import annotations

from django.apps import AppConfig


class SelfDeployConfig(AppConfig):
    """The app `django_selfdeploy`, called "Deployments" in the admin."""

    name = "django_selfdeploy"
    label = "django_selfdeploy"
    verbose_name = "Deployments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks

        checks.register()
