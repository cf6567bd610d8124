"""The project's templates: whether they compile, and whether the URLs and static files that they name are there.

Only templates in the project's own source are judged: those of packages may need what the project does not use.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core import checks
from django.core.files.storage import FileSystemStorage
from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines
from django.template.backends.base import BaseEngine
from django.template.base import FilterExpression, Node, NodeList
from django.template.defaulttags import URLNode
from django.templatetags.static import StaticNode
from django.urls import URLResolver, get_resolver
from django.utils.safestring import SafeString

from . import collecting
from .facts import Message

ENDINGS = (".html", ".htm", ".djhtml", ".txt", ".xml", ".jinja", ".jinja2", ".j2")
"""Files that are taken for templates; others that lie beside them may be anything."""

MOST = 20
"""So many messages are told at most: more of them are of one cause."""


def check() -> dict[str, Any]:
    """The messages, and a note of how many templates were compiled."""
    code = os.environ["SELFDEPLOY_CODE"]
    collecting.forget_manifest()
    found: dict[Message, None] = {}
    count = 0
    for engine in engines.all():
        for name in names(engine, code):
            count += 1
            found.update(dict.fromkeys(judge(engine, name)))
    return {"messages": [vars(message) for message in list(found)[:MOST]], "note": f"{count} templates"}


def names(engine: BaseEngine, code: str) -> list[str]:
    """The names of the templates in the source `code` that the engine would load, sorted."""
    found: dict[str, str] = {}
    for folder in _folders(engine):
        for top, below, files in os.walk(folder):
            below[:] = [name for name in below if name != "node_modules" and not name.startswith(".")]
            for file in files:
                path = os.path.join(top, file)
                found.setdefault(os.path.relpath(path, folder), path)  # the first folder counts
    inside = f"{code}{os.sep}"
    return sorted(name for name, path in found.items() if path.startswith(inside) and path.endswith(ENDINGS))


def _folders(engine: Any) -> list[str]:
    """Where the engine looks, in its order; loaders of the project's own may not tell."""
    loaders = getattr(getattr(engine, "engine", None), "template_loaders", None)
    if loaders is None:
        return [str(folder) for folder in engine.template_dirs]
    folders = [folder for loader in loaders if hasattr(loader, "get_dirs") for folder in loader.get_dirs()]
    return list(dict.fromkeys(str(folder) for folder in folders))


def judge(engine: BaseEngine, name: str) -> Iterator[Message]:
    """What is wrong with the template called `name`."""
    try:
        template = engine.get_template(name)
    except (TemplateSyntaxError, TemplateDoesNotExist, UnicodeDecodeError) as error:
        text = f"The template {name!r} does not compile: {_plain(error)}."
        yield Message(checks.ERROR, "selfdeploy.E031", text, "Mend it, or remove it if nothing uses it.")
        return
    nodes = getattr(getattr(template, "template", None), "nodelist", None)
    if isinstance(nodes, NodeList):
        yield from _named(name, nodes)


def _plain(error: Exception) -> str:
    """What is wrong; Django 6.1 begins it with the path of the template."""
    return re.sub(r"\ATemplate: [^\n]*?, ", "", str(error)).rstrip(".")


def _named(name: str, nodes: NodeList) -> Iterator[Message]:
    for node in _every(nodes):
        if isinstance(node, URLNode) and not node.asvar and (view := _literal(node.view_name)):
            if not known_view(view):
                text = f"The template {name!r} names the URL {view!r}, which there is not."
                yield Message(checks.ERROR, "selfdeploy.E032", text, "Mend the name in its {% url %}.")
        elif isinstance(node, StaticNode) and not node.varname and (path := _literal(node.path)):
            yield from _static(name, path)


def _every(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes, and those within them: in the node lists that each names itself."""
    for node in nodes:
        yield node
        for attribute in node.child_nodelists:
            yield from _every(getattr(node, attribute, None) or ())


def _literal(expression: Any) -> str:
    """The text that stands in the template itself; "" where only a rendering would tell."""
    if isinstance(expression, FilterExpression) and not expression.filters and isinstance(expression.var, SafeString):
        return str(expression.var)
    return ""


def known_view(name: str) -> bool:
    """Whether a view has that name, with any parameters: `reverse` would need them."""
    *namespaces, last = name.split(":")
    resolver: URLResolver = get_resolver()
    for namespace in namespaces:
        try:
            resolver = _below(resolver, namespace)
        except KeyError:
            return False
    return last in resolver.reverse_dict


def _below(resolver: URLResolver, namespace: str) -> URLResolver:
    """The resolver of a namespace, or of an application's default one. KeyError for none."""
    instances = resolver.app_dict.get(namespace)
    key = instances[0] if instances and namespace not in instances else namespace
    return resolver.namespace_dict[key][1]


def _static(name: str, path: str) -> Iterator[Message]:
    if path.endswith("/") or not isinstance(staticfiles_storage, (ManifestFilesMixin, FileSystemStorage)):
        return
    clean = path.partition("?")[0].partition("#")[0]
    text = f"The template {name!r} names the static file {path!r}, which there is not."
    if isinstance(staticfiles_storage, ManifestFilesMixin):
        known = clean in staticfiles_storage.hashed_files
        level = checks.ERROR if staticfiles_storage.manifest_strict else checks.WARNING
    else:
        known, level = os.path.exists(staticfiles_storage.path(clean)), checks.WARNING
    if not known:
        identity = "selfdeploy.E033" if level == checks.ERROR else "selfdeploy.W033"
        yield Message(level, identity, text, "Mend the name in its {% static %}, or add the file.")
