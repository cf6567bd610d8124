"""Channels: a worker for the channels that the routing names, and what of it no server here serves."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from .found import NOTHING, Found, Looked, Remark

SECONDS = 30.0
"""For messages that are being answered; channels gives no other limit."""


def find() -> Looked:
    """Nothing where Channels is not installed, or routes nothing."""
    path = getattr(settings, "ASGI_APPLICATION", None)
    if not path or not (apps.is_installed("channels") or apps.is_installed("daphne")):
        return NOTHING
    routes: dict[str, Any] = getattr(import_string(path), "application_mapping", None) or {}
    names = tuple(getattr(routes.get("channel"), "application_mapping", None) or ())
    worker = Found(
        "channels",
        ("python", "manage.py", "runworker", *names),
        ("runworker",),
        f"{path} routes the channels {', '.join(names)}.",
        SECONDS,
    )
    return Looked((worker,) if names else (), (_unserved(path),) if "websocket" in routes else ())


def _unserved(path: str) -> Remark:
    return Remark(
        "selfdeploy.W098",
        f"{path} takes websockets, and no APP_SERVER that ships here does: they are not served.",
        "Run daphne or uvicorn as one of PROCESSES, on a port of its own, and let the server in front of this one send "
        "websockets there.",
    )
