"""The deployments in the admin: to be looked at, never to be changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.timezone import is_aware, localtime
from django.views.decorators.http import require_safe

from .models import Deployment, DeploymentHost, DeploymentStep
from .tell.generated import generated_files
from .tell.migrations import told
from .tell.timeline import Run, draw, spoken

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Deployment]
else:
    ModelAdmin = admin.ModelAdmin

COMMIT_LENGTH = 8
RELEASE_LENGTH = len("20260101-000000")

OUTCOME = ("who", "status_badge", "took", "went_live_after")
WITH_HOSTS = ("when", "kind", "target", "where", "short_release", *OUTCOME)


class ReadOnly(ModelAdmin):
    """Rows that nobody adds, changes or deletes in the admin, not even a superuser."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Deployment | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Deployment | None = None) -> bool:
        return False


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly):
    """The list, the detail with its timeline, and two plain pages: the log and the generated files."""

    list_display = ("when", "kind", "target", "short_release", "short_commit", *OUTCOME)
    list_filter = ("status", "kind", "target", "started")
    list_per_page = 50
    search_fields = ("identity", "release", "commit", "who", "subject", "error", "error_message", "host")
    date_hierarchy = "started"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("status_badge", "took", "went_live_after"),
                    ("started", "finished", "who"),
                    ("kind", "target", "where"),
                    ("release", "previous", "commit"),
                    ("subject",),
                )
            },
        ),
    )

    class Media:
        css = {"all": ("django_selfdeploy/deployment.css",)}

    # the columns

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """With the hosts where there is more than one, else each line would say the same; the commit makes room."""
        hosts = DeploymentHost.objects.order_by().values_list("host").distinct()[:2]
        return WITH_HOSTS if len(hosts) > 1 else self.list_display

    @admin.display(description="started", ordering="started")
    def when(self, deployment: Deployment) -> str:
        """Short, so that all columns fit; in the project's time zone."""
        started = deployment.started
        return f"{localtime(started) if is_aware(started) else started:%Y-%m-%d %H:%M}"

    @admin.display(description="host", ordering="host")
    def where(self, deployment: Deployment) -> SafeString:
        """The name of one, the number of many."""
        names = [host.host for host in deployment.hosts.all()]
        shown = f"{len(names)} hosts" if len(names) > 1 else deployment.host or "-"
        return format_html('<span title="{}">{}</span>', ", ".join(names), shown)

    @admin.display(description="release", ordering="release")
    def short_release(self, deployment: Deployment) -> SafeString:
        """The time in a release's id; its commit has a column of its own."""
        short = deployment.release[:RELEASE_LENGTH]
        return format_html('<code title="{}">{}</code>', deployment.release, short)

    @admin.display(description="commit", ordering="commit")
    def short_commit(self, deployment: Deployment) -> SafeString:
        short = deployment.commit[:COMMIT_LENGTH]
        return format_html('<code title="{}">{}</code>', deployment.subject, short)

    @admin.display(description="status", ordering="status")
    def status_badge(self, deployment: Deployment) -> SafeString:
        return _badge(deployment.status)

    @admin.display(description="duration", ordering="duration")
    def took(self, deployment: Deployment) -> str:
        return spoken(deployment.duration) or "-"

    @admin.display(description="live after", ordering="live_after")
    def went_live_after(self, deployment: Deployment) -> str:
        return spoken(deployment.live_after) or "-"

    # the pages

    def get_queryset(self, request: HttpRequest) -> QuerySet[Deployment]:
        """Without the logs, which are long; only their own page reads them."""
        hosts = Prefetch("hosts", DeploymentHost.objects.defer("log"))
        rows: QuerySet[Deployment] = super().get_queryset(request).defer("log").prefetch_related(hosts)
        return rows

    def get_urls(self) -> list[URLPattern]:
        log = path(
            "<int:pk>/log/",
            self.admin_site.admin_view(self.log_view),
            name="django_selfdeploy_deployment_log",
        )
        files = path(
            "<int:pk>/files/",
            self.admin_site.admin_view(self.files_view),
            name="django_selfdeploy_deployment_files",
        )
        return [log, files, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        deployment = context["original"]
        hosts = deployment.hosts.all()
        tables = (
            ("Configuration", _rows(deployment.configuration)),
            ("Versions", _rows(deployment.versions)),
            ("Processes", _rows(_processes(deployment))),
            ("Options", _rows({key: value for key, value in deployment.options.items() if key != "processes"})),
        )
        migrations = [_paragraph(one) for one in deployment.migrations or () if isinstance(one, dict)]
        more = {
            "hosts": [_facts(host) for host in hosts] if len(hosts) > 1 else (),
            "timeline": draw(_runs(deployment, hosts)),
            "migrations": migrations,
            "tables": [(title, rows) for title, rows in tables if rows],
        }
        return super().render_change_form(request, {**context, **more}, *args, **kwargs)

    @method_decorator(require_safe)
    def log_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The whole log as plain text, which no browser takes for a page."""
        deployment = self._visible(request, pk)
        headers = {"X-Content-Type-Options": "nosniff"}
        return HttpResponse(deployment.log, content_type="text/plain; charset=utf-8", headers=headers)

    @method_decorator(require_safe)
    def files_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The configuration files that the deployment wrote, if the release is still on this machine."""
        deployment = self._visible(request, pk)
        root = os.environ.get("SELFDEPLOY_ROOT", "")
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": "Generated files",
            "subtitle": str(deployment),
            "original": deployment,
            "opts": self.opts,
            "media": self.media,
            "files": generated_files(root, deployment.release) if root else (),
        }
        return TemplateResponse(request, "admin/django_selfdeploy/deployment/files.html", context)

    def _visible(self, request: HttpRequest, pk: int) -> Deployment:
        if not self.has_view_permission(request):
            raise PermissionDenied
        deployment = self.get_object(request, str(pk))
        if deployment is None:
            raise Http404(f"There is no deployment {pk}.")
        return deployment


def _runs(deployment: Deployment, hosts: Sequence[DeploymentHost]) -> Iterator[Run]:
    """By the names of the hosts; those without a step have nothing to be drawn."""
    known = {host.host: host for host in hosts}
    steps: dict[str, list[DeploymentStep]] = {}
    for step in deployment.steps.all():
        steps.setdefault(step.host, []).append(step)
    for name in sorted(steps):
        told = known.get(name, deployment)
        yield Run(name, told.status, told.duration, told.live_after, tuple(steps[name]))


def _facts(host: DeploymentHost) -> dict[str, Any]:
    return {
        "host": host.host,
        "status": _badge(host.status),
        "live_after": spoken(host.live_after) or "-",
        "took": spoken(host.duration) or "-",
        "previous": host.previous or "-",
        "error": host.error_message.partition("\n")[0],
    }


def _badge(status: str) -> SafeString:
    return format_html('<span class="sd-badge sd-{}">{}</span>', slugify(status), status)


def _paragraph(row: dict[str, Any]) -> tuple[str, str]:
    """Heading and lines of a migration; a row of a stranger's journal may lack anything."""
    try:
        heading, *lines = told(row)
    except (KeyError, TypeError, ValueError):
        return (str(row.get("migration", "?")), _one_line(row))
    return (heading.strip(), "\n".join(line.removeprefix("    ") for line in lines))


def _processes(deployment: Deployment) -> dict[str, Any]:
    found = deployment.options.get("processes")
    return found if isinstance(found, dict) else {}


def _rows(table: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, _one_line(value)) for key, value in sorted(table.items())]


def _one_line(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
