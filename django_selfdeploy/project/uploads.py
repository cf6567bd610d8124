"""What a project means to take from its visitors, and what it hands out by the front server after a check."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.db import models

from .facts import MEGABYTE

UPLOADS = 20 * MEGABYTE
"""The largest request of a project that takes files and does not say how large they may be."""

SIZES = ("max_size", "max_bytes", "max_upload_size")
"""Names under which fields and validators keep the largest size of a file, in bytes. Django has no such validator;
these are what packages and projects call theirs."""

OWN = "django_selfdeploy"

PARSERS = ("MultiPartParser", "FileUploadParser")


def body_limit() -> int:
    """The largest request in bytes that the project can mean to take; 0 for any.

    DATA_UPLOAD_MAX_MEMORY_SIZE is about everything in a request but uploaded files (Django's reference), so a form
    may be as large as that and its files together. All apps and URLs must be loaded.
    """
    rest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if rest is None:
        return 0
    sizes = [*_sizes_of_models(), *_sizes_of_forms()]
    if None in sizes or _reads_files():
        return int(max(UPLOADS, rest, *(size + rest for size in sizes if size)))
    return int(max([rest + MEGABYTE // 2, *(size + rest for size in sizes if size)]))


def _sizes_of_models() -> Iterator[int | None]:
    """The sum of the files of each model; None for one that has a file of any size."""
    for model in apps.get_models():
        fields = [field for field in model._meta.get_fields() if isinstance(field, models.FileField)]
        if fields:
            yield _total([_size(field) for field in fields])


def _sizes_of_forms() -> Iterator[int | None]:
    """The same of forms. One of a model inherits the model's validators in its fields."""
    for form in _below(forms.BaseForm):
        fields = [f for f in getattr(form, "base_fields", {}).values() if isinstance(f, forms.FileField)]
        if fields:
            yield _total([_size(field) for field in fields])


def _total(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _size(field: Any) -> int | None:
    """The largest size that the field, or a validator of it, names."""
    found = [getattr(place, name, None) for place in (field, *field.validators) for name in SIZES]
    return min((size for size in found if isinstance(size, int) and size > 0), default=None)


def _below(kind: type) -> Iterator[type]:
    each: type
    for each in kind.__subclasses__():
        if not each.__module__.startswith("django."):
            yield each
        yield from _below(each)


def _reads_files() -> bool:
    """Whether a view of the project or of its apps reads uploads by hand, or an API's parsers do."""
    framework = sys.modules.get("rest_framework.settings")
    if framework is not None:
        parsers = framework.api_settings.DEFAULT_PARSER_CLASSES
        return any(parser.__name__ in PARSERS for parser in parsers)
    places = [f"{config.path}/" for config in apps.get_app_configs() if not config.name.startswith(("django.", OWN))]
    places += [f"{os.environ['SELFDEPLOY_CODE']}/"] if "SELFDEPLOY_CODE" in os.environ else []
    paths = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    return any(_mentions_files(path) for path in paths if path.startswith(tuple(places)))


def _mentions_files(path: str) -> bool:
    """Whether it takes what a form did not: with a form, `request.FILES` is what the form is given."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError):
        return False
    return any(word in text for word in ("FILES[", "FILES.get", "upload_handlers", "request.read(", "wsgi.input"))


def sendfile() -> tuple[str, str]:
    """The internal path and the folder of files that a view hands over by X-Accel-Redirect; "" and "" for none.

    Settings of django-sendfile2 and its forebear (their documentation, "Nginx backend").
    """
    backend = str(getattr(settings, "SENDFILE_BACKEND", "") or "")
    url, root = (str(getattr(settings, name, "") or "") for name in ("SENDFILE_URL", "SENDFILE_ROOT"))
    if not backend.endswith("sendfile.backends.nginx") or not url or not root:
        return "", ""
    return f"/{url.strip('/')}/", root
