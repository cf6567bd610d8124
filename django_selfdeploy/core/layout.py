"""Where everything is on a host; one place for every path."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .codec import record

SOCKET_PATH_LIMIT = 107
"""The longest path of a unix socket, in bytes (sun_path of unix(7), less its closing NUL)."""

CLOSED, PAGE = "closed", "503.html"
"""Files in the folder of a window: the first closes the site as long as it is there, the second is what is shown."""


@record
@dataclass(frozen=True)
class Layout:
    """The paths below `root`, an absolute path without a slash at its end."""

    root: str

    @property
    def current(self) -> str:
        """The one link whose rename is the switch."""
        return f"{self.root}/current"

    @property
    def releases(self) -> str:
        return f"{self.root}/releases"

    def release(self, identity: str) -> str:
        return f"{self.releases}/{identity}"

    def migrations(self, identity: str) -> str:
        """The migrations that were applied when the release went live."""
        return f"{self.release(identity)}/migrations.json"

    def socket(self, identity: str) -> str:
        return f"{self.release(identity)}/app.sock"

    @property
    def live_socket(self) -> str:
        """What the front server connects to: through `current`, at every connect anew."""
        return f"{self.current}/app.sock"

    @property
    def envs(self) -> str:
        return f"{self.root}/envs"

    def env(self, key: str) -> str:
        return f"{self.envs}/{key}"

    @property
    def tools(self) -> str:
        """The virtualenv of supervisord: it outlives every release's own."""
        return f"{self.root}/tools"

    @property
    def uv(self) -> str:
        """uv, on a host that has no other."""
        return f"{self.tools}/bin/uv"

    @property
    def shared(self) -> str:
        return f"{self.root}/shared"

    @property
    def variables(self) -> str:
        """The target's environment file, mode 0600."""
        return f"{self.shared}/.env"

    @property
    def previous_variables(self) -> str:
        """The environment file before that, mode 0600."""
        return f"{self.variables}.previous"

    def variables_of(self, identity: str, project: str) -> str:
        """The environment file of a release whose manage.py is in `project`, relative to its source."""
        return os.path.normpath(f"{self.release(identity)}/source/{project}/.env")

    @property
    def secret_key(self) -> str:
        return f"{self.shared}/secret_key"

    @property
    def old_static(self) -> str:
        """Hashed static files of every kept release, for pages that are still open in a browser."""
        return f"{self.shared}/public"

    @property
    def media(self) -> str:
        return f"{self.shared}/media"

    @property
    def backups(self) -> str:
        """Dumps of the databases and copies of media, unless the settings name another folder; mode 0700."""
        return f"{self.root}/backups"

    @property
    def etc(self) -> str:
        return f"{self.root}/etc"

    @property
    def programs(self) -> str:
        """The include directory of the root's own supervisord."""
        return f"{self.etc}/programs"

    @property
    def log(self) -> str:
        return f"{self.root}/log"

    def release_log(self, identity: str) -> str:
        return f"{self.log}/{identity}"

    @property
    def project_log(self) -> str:
        """Log files that the project writes itself."""
        return f"{self.log}/project"

    @property
    def run(self) -> str:
        return f"{self.root}/run"

    @property
    def control(self) -> str:
        """The socket of the root's own supervisord."""
        return f"{self.run}/supervisor.sock"

    @property
    def window(self) -> str:
        """There while the site is closed for maintenance; the front server looks into it with every request."""
        return f"{self.root}/window"

    @property
    def journals(self) -> str:
        return f"{self.root}/journal"

    def journal(self, identity: str) -> str:
        return f"{self.journals}/{identity}.json"

    @property
    def lock(self) -> str:
        return f"{self.root}/lock"

    @property
    def bin(self) -> str:
        return f"{self.root}/bin"

    def longest_socket(self) -> str:
        """The longest socket path that a release of usual id will have."""
        return max(self.socket("20260101-000000-12345678"), self.control, key=len)
