"""What is secret is in .env files that only their owner can read, and nowhere else."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

from django_selfdeploy.project.encrypted import new_file, new_key

from . import processes
from .conftest import MakeSite
from .site import Site

VALUES = {
    "SECRET_KEY": "canary-key-0f3b8a+71/c2?d&e9=5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d",
    "PAYMENT_TOKEN": "canary/token+with=odd&characters%9",
    "MAIL_URL": "smtp://ann:canary%2Fpass9word@localhost:25",
    "SEALED": "canary 'sealed' #$ \"value\" \\\\ of its own",
}
"""In this order from a local file, the environment of the command, a command and an encrypted file."""
LATER = "canary-that-came-by-standard-input"
KEY = new_key()
LEAK = """
import base64
import os
import sys
from urllib.parse import quote, quote_plus

from django.db import migrations

def leak(apps, editor):
    for name in ("SECRET_KEY", "PAYMENT_TOKEN", "MAIL_URL", "SEALED"):
        value = os.environ[name]
        print("plain", value, "url", quote(value, safe=""), quote_plus(value), repr(value))
        print("base64", base64.b64encode(value.encode()).decode(), file=sys.stderr, flush=True)
    {then}

class Migration(migrations.Migration):
    dependencies = [("pages", "{before}")]
    operations = [migrations.RunPython(leak, migrations.RunPython.noop)]
"""
SPEAKING = """
if "SELFDEPLOY_RELEASE" in __import__("os").environ:
    raise ValueError("Who read " + env("PAYMENT_TOKEN") + env("MAIL_URL") + env("SEALED") + env("SECRET_KEY") + "?")
"""
FAIL = 'raise ValueError("Who took " + os.environ["PAYMENT_TOKEN"] + " and " + quote(os.environ["MAIL_URL"], safe="") + "?")'


def forms() -> set[str]:
    """Every form in which a value travels."""
    found = {"canary/pass9word", "canary%2Fpass9word"}
    for value in (*VALUES.values(), LATER, KEY.text):
        found |= {value, quote(value, safe=""), quote_plus(value), base64.b64encode(value.encode()).decode()}
    return found


def leaks(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [form for form in forms() if form.encode() in data]


@contextmanager
def arguments_seen(site: Site) -> Iterator[set[str]]:
    """The command lines of all processes of the site while the block runs."""
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.update(map(processes.command_line, processes.belonging_to(site.folder)))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def planted(site: Site) -> None:
    """Each value in a source of its own; the project's settings here have a key of their own."""
    site.write_env({"SECRET_KEY": "a-key-that-only-tests-would-ever-have"})
    site.write(".env.default", f"SECRET_KEY={VALUES['SECRET_KEY']}\n")
    site.write("../mail", VALUES["MAIL_URL"] + "\n")
    site.write(".env.default.enc", new_file(".env.default.enc", "default", KEY, {"SEALED": VALUES["SEALED"]}).text)
    site.variables |= {"PAYMENT_TOKEN": VALUES["PAYMENT_TOKEN"], "SELFDEPLOY_KEY": KEY.text}
    site.target["ENV"] = {"INHERIT": ["PAYMENT_TOKEN"], "COMMANDS": {"MAIL_URL": ["cat", f"{site.folder}/mail"]}}
    (site.project / ".git/info/exclude").write_text("__pycache__/\n.env\n.env.default\n")


def test_secrets_stay_secret(make_site: MakeSite) -> None:
    site = make_site(WATCH=0)
    planted(site)
    site.write("pages/migrations/0006_leak.py", LEAK.format(then="pass", before="0005_notice_title_unique"))
    site.commit("Leak")
    told = [site.deploy("--dry-run", "--verbosity", "3").stdout]
    with arguments_seen(site) as seen:
        told.append(site.deploy("--verbosity", "3").stdout)
        assert "plain ***" in told[-1], "the migration did print"
        first = site.current
        told += _told_of_changes(site)
    told += _told_of_a_failure(site)
    told += _told_of_settings(site)
    told += [site.manage(command, *words).stdout for command, *words in COMMANDS]
    assert [leaks(text) for text in told] == [[] for _ in told]
    assert len(seen) > 5
    assert [line for line in seen if leaks(line)] == []
    kept = {f"releases/{release}/source/.env" for release in (first, site.current)}
    files = {"shared/.env", "shared/.env.previous", *kept}
    assert _files_with_secrets(site.root) == dict.fromkeys(files, 0o600)


def _told_of_changes(site: Site) -> list[str]:
    """The value comes by standard input, so that no list of processes and no history has it."""
    changed = site.manage("deploy_env", "set", "--in", "encrypted", "LATER", "-", "--verbosity", "3", given=LATER)
    lines = (site.root / "shared/.env").read_text().splitlines()
    assert f"LATER={LATER}" in lines
    assert site.manage("deploy_env", "get", "SEALED").stdout == f"{VALUES['SEALED']}\n"
    return [changed.stdout, changed.stderr]


COMMANDS = [
    ("deploy_env", "list"),
    ("deploy_env", "list", "--json"),
    ("deploy_env", "diff"),
    ("deploy_config",),
    ("deploy_config", "--json"),
    ("deploy_status", "--json"),
    ("deploy_history", "--json"),
    ("deploy_logs",),
]


def _told_of_a_failure(site: Site) -> list[str]:
    site.write("pages/migrations/0007_fail.py", LEAK.format(then=FAIL, before="0006_leak"))
    site.commit("Leak and fail")
    failed = site.deploy("--verbosity", "3", check=False)
    assert (failed.returncode, "Who took" in failed.stderr) == (9, True), failed.stderr
    as_json = site.deploy("--json", check=False)
    assert as_json.returncode == 9
    return [failed.stdout, failed.stderr, as_json.stdout, as_json.stderr]


def _told_of_settings(site: Site) -> list[str]:
    """Settings that fail, with values in what they say, where a release or a rehearsal imports them."""
    site.git("reset", "--quiet", "--hard", "HEAD~1")
    site.append("website/settings.py", SPEAKING)
    site.commit("Speak of it")
    failed = [site.deploy(*words, check=False) for words in (("--verbosity", "3"), ("--dry-run",))]
    assert [each.returncode for each in failed] == [7, 7]
    assert all("Who read" in each.stderr for each in failed), [each.stderr for each in failed]
    site.git("reset", "--quiet", "--hard", "HEAD~1")
    return [text for each in failed for text in (each.stdout, each.stderr)]


def _files_with_secrets(root: Path) -> dict[str, int]:
    """The mode of each file that holds a secret, by its path below the root; packages are not ours."""
    found = {}
    for top, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(top, name) not in (root / "envs", root / "tools")]
        for name in files:
            path = Path(top, name)
            if path.is_file() and not path.is_symlink() and leaks(path.read_bytes()):
                found[str(path.relative_to(root))] = path.stat().st_mode & 0o777
    return found
