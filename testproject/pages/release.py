"""Which release of the site answers."""

import os

from django.http import HttpRequest


def running() -> str:
    """The id of the release this process belongs to, ``"none"`` outside of a deployment."""
    return os.environ.get("SELFDEPLOY_RELEASE", "none")


def context(request: HttpRequest) -> dict[str, str]:
    """Give every template the variable ``release``."""
    return {"release": running()}
