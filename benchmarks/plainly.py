"""The same deployed by a plain script of bash, rsync and ssh, to all hosts at once: the yardstick of many hosts.

It does the least that a deployment by hand does: copy the tree, check, migrate, collect static files, restart
gunicorn by its supervisor, and wait for the first answer. It keeps no release to go back to, and loses requests.
"""

from __future__ import annotations

from benchmarks.crowd import Cost, Crowd, spent
from tests.integration.fleet import ROOT
from tests.integration.hosts import Host

PLAIN = "bash + rsync + ssh"
PLACE = "/home/deploy/plain"
PORT = 8100

SUPERVISOR = """\
[supervisord]
pidfile={place}/supervisord.pid
logfile={place}/supervisord.log
[unix_http_server]
file={place}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{place}/supervisor.sock
[program:app]
command={env}/bin/gunicorn --bind 127.0.0.1:{port} --workers 2 --threads 4 website.wsgi:application
directory={place}/app
autostart=false
"""

ON_HOST = """\
set -eu
cd {place}/app
{env}/bin/python manage.py check --deploy
{env}/bin/python manage.py migrate --noinput
{env}/bin/python manage.py collectstatic --noinput
{tools}/bin/supervisorctl -c {place}/supervisord.conf restart app
until curl --fail --silent --output /dev/null http://127.0.0.1:{port}/ --header 'Host: localhost'; do sleep 0.05; done
"""

SCRIPT = """\
set -eu
config=$1; shift
deploy() {
    rsync --archive --compress --delete --exclude .git --exclude __pycache__ --exclude staticfiles \\
        --rsh "ssh -F $config -o BatchMode=yes" ./ "deploy@$1:$PLACE/app/"
    ssh -F "$config" -o BatchMode=yes "deploy@$1" bash -s <<<"$ON_HOST"
}
under_way=
for host; do deploy "$host" & under_way="$under_way $!"; done
for each in $under_way; do wait "$each"; done
"""


class Plainly:
    """The script, and hosts that are set up for it: they have a virtualenv and a supervisord already."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        env = crowd.hosts[0].run("ls", f"{ROOT}/envs").strip()  # its name is a hash of what all of them require
        self._about = {"place": PLACE, "env": f"{ROOT}/envs/{env}", "tools": f"{ROOT}/tools", "port": PORT}
        for host in crowd.hosts:
            self._set_up(host)

    def deploy(self, count: int) -> Cost:
        """What it costs to bring the first `count` hosts to what is in the project's folder."""
        site, hosts = self._crowd.fleet.site, self._crowd.hosts[:count]
        config = str(self._crowd.fleet.ssh_home.folder / "config")
        words = ("bash", "-c", SCRIPT, "deploy", config, *(host.name for host in hosts))
        variables = {**site.variables, "PLACE": PLACE, "ON_HOST": ON_HOST.format(**self._about)}
        cost, _ = spent(words, hosts, cwd=site.project, variables=variables)
        return cost

    def _set_up(self, host: Host) -> None:
        host.run("mkdir", "-p", f"{PLACE}/app")
        host.run("tee", f"{PLACE}/supervisord.conf", stdin=SUPERVISOR.format(**self._about).encode())
        host.run(f"{ROOT}/tools/bin/supervisord", "-c", f"{PLACE}/supervisord.conf")
