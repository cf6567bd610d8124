"""nginx, the front server that is used when none is named."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError
from ..core.release import Front
from .base import FrontServer, Needs, option
from .hostnames import server_names
from .nginx_needs import helper_of, needs_of_machine, needs_of_own, shared_group
from .rendering import render

if TYPE_CHECKING:
    from ..conf import Target
    from ..context import Context
    from ..core.layout import Layout

SCOPES = ("own", "system")
MARKER_LENGTH = 16


@dataclass(frozen=True)
class Nginx(FrontServer):
    """nginx: a process of our own under the root, or the machine's."""

    name = "nginx"
    program = "nginx"

    scope: str = option("own", "own: a process under the root, as the deploying user; system: the machine's nginx.")
    include: str = option("/etc/nginx/conf.d", "Include folder of the machine's nginx, inside http (scope system).")
    check_command: tuple[str, ...] = option(("nginx", "-t"), "Checks the machine's whole configuration (scope system).")
    reload_command: tuple[str, ...] = option(("nginx", "-s", "reload"), "Reloads the machine's nginx (scope system).")
    client_max_body_size: str = option("20m", "Largest request body; uploads count too.")
    read_timeout: int = option(60, "Seconds that the application may take between two parts of its answer.")
    worker_processes: int = option(2, "Worker processes (scope own).")
    worker_connections: int = option(1024, "Connections of each worker (scope own).")
    trusted_proxies: tuple[str, ...] = option(
        (), "Addresses of proxies before this one whose X-Forwarded-For and -Proto are believed."
    )
    retry_after: int = option(120, "Seconds after which visitors may come again, told while the site is closed.")
    access_log: bool = option(True, "Whether requests are logged, to log/access.log.")

    def problems(self) -> tuple[str, ...]:
        if self.scope not in SCOPES:
            return (f"scope {self.scope!r} is not one of {', '.join(SCOPES)}.",)
        for address in self.trusted_proxies:
            try:
                ipaddress.ip_network(address)
            except ValueError:
                return (f"trusted_proxies has {address!r}, which is no address or network.",)
        return ()

    @property
    def own(self) -> bool:
        return self.scope == "own"

    def needs(self, target: Target, layout: Layout, user: str) -> Needs:
        if self.own:
            return needs_of_own(target, layout, user)
        return needs_of_machine(target, layout, user, self.include)

    def helper(self, app: str) -> str:
        return "" if self.own else helper_of(app)

    def socket_group(self, context: Context) -> str:
        return shared_group(context.app) if self.needs_helper(context) else ""

    def needs_helper(self, context: Context) -> bool:
        """For a user who may not write to the machine's nginx, and has no commands of their own for it."""
        plain = type(self)()
        own_ways = (self.check_command, self.reload_command) != (plain.check_command, plain.reload_command)
        return not self.own and context.state.uid != 0 and not own_ways

    def files(self, context: Context) -> dict[str, str]:
        values = self._values(context)
        plain = render("nginx/site.conf", {**values, "marker": ""})
        site = render("nginx/site.conf", {**values, "marker": self._marker(context, plain)})
        main = {**values, "site": f"{context.layout.current}/etc/site.conf"}
        trial = {**values, "site": f"{context.etc}/site.conf"}
        return {
            "site.conf": site,
            "nginx.conf": render("nginx/nginx.conf", main),
            "nginx-trial.conf": render("nginx/nginx.conf", trial),
        }

    def check(self, context: Context, executable: str) -> tuple[str, ...]:
        return (executable, "-t", "-q", "-p", context.layout.root, "-c", f"{context.etc}/nginx-trial.conf")

    def front(self, context: Context) -> Front:
        plain = render("nginx/site.conf", {**self._values(context), "marker": ""})
        site = f"{context.layout.current}/etc/site.conf"
        helper = ("sudo", "-n", self.helper(context.app)) if self.needs_helper(context) else ()
        linked = not self.own and not helper
        return Front(
            address=f"{_loopback(context.target.bind)}:{context.target.port}",
            marker=self._marker(context, plain),
            marker_host=_marker_host(context.app),
            own=self.own,
            group=f"{context.app}-front",
            log=f"{context.layout.log}/front-error.log",
            links=((f"{self.include}/{context.app}.conf", site),) if linked else (),
            check=self.check_command if linked else (),
            reload=self.reload_command if linked else (),
            helper=helper,
            site=site if helper else "",
        )

    def program_conf(self, context: Context, executable: str) -> str:
        if not self.own:
            return ""
        values = {"group": f"{context.app}-front", "nginx": executable, "layout": context.layout}
        return render("nginx/program.conf", values)

    def _marker(self, context: Context, site: str) -> str:
        """A hash of all that nginx loads: equal means that no reload is needed."""
        main = render("nginx/nginx.conf", {**self._values(context), "site": ""}) if self.own else ""
        return hashlib.sha256((site + main).encode()).hexdigest()[:MARKER_LENGTH]

    def _values(self, context: Context) -> dict[str, Any]:
        facts, layout = context.known_facts, context.layout
        names = server_names(facts.allowed_hosts, prepend_www=facts.prepend_www)
        return {
            "part": self,
            "layout": layout,
            "app": context.app.replace("-", "_"),
            "user": context.state.front_user,
            "guarded": self.needs_helper(context),
            "ipv6": context.state.ipv6 and context.target.bind == "0.0.0.0",  # noqa: S104 - compared, not bound
            "address": _address(context.target.bind),
            "port": context.target.port,
            "names": names,
            "any_host": "*" in facts.allowed_hosts,
            "marker_host": _marker_host(context.app),
            "static_url": _location("STATIC_URL", facts.static_url) if facts.serves_static else "",
            "media_url": _location("MEDIA_URL", facts.media_url) if facts.serves_media else "",
            "media_root": f"{facts.media_root.rstrip('/')}/",
        }


def _marker_host(app: str) -> str:
    """A host that no visitor asks for (RFC 2606 keeps .invalid free)."""
    return f"{app}.selfdeploy.invalid"


def _address(bind: str) -> str:
    """What stands before the port in `listen`: nothing for every IPv4 address."""
    if bind == "0.0.0.0":  # noqa: S104 - compared, not bound
        return ""
    return f"[{bind}]:" if ":" in bind else f"{bind}:"


def _loopback(bind: str) -> str:
    """The address at which this host reaches its own front server."""
    if bind == "0.0.0.0":  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return "[::1]" if bind == "::" else f"[{bind}]" if ":" in bind else bind


def _location(setting: str, url: str) -> str:
    """The path of a URL setting, with a slash at both ends."""
    if "//" in url or not url.startswith("/") or not url.endswith("/") or ".." in url or url == "/":
        raise ConfigError(
            f"{setting} is {url!r}, which is no path that nginx can serve.",
            hint=f'Write for example {setting} = "{setting[:-4].lower()}/".',
        )
    return url
