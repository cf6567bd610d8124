"""A project of one app on a database of its own, whose migrations a test writes and applies as a host does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .controller import REPOSITORY, surroundings

SETTINGS = """
import json, os
if os.environ["SHOP_DATABASE"].find("mysql") > 0:
    import pymysql
    pymysql.install_as_MySQLdb()
SECRET_KEY = "only-for-tests"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": json.loads(os.environ["SHOP_DATABASE"])}
"""

APPLY = """
import json, sys, django
django.setup()
from django_selfdeploy.project.applying import apply
from django_selfdeploy.project.limits import Limits
only, limits = json.loads(sys.argv[1])
found = apply(only, Limits(**limits))
print("\\nanswer " + json.dumps(found))
"""

FIRST = """
operations = [
    m.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True)), ("label", models.CharField(max_length=20))]),
    m.CreateModel("Book", [("id", models.BigAutoField(primary_key=True)), ("title", models.CharField(max_length=20))]),
    m.CreateModel("Mark", [("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=20))]),
]
"""

MODULE = """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations as m, models

def mark(text):
    def write(apps, editor):
        apps.get_model("shop", "mark").objects.using(editor.connection.alias).create(text=text)
    return m.RunPython(write, m.RunPython.noop)

def fail(apps, editor):
    raise ValueError("The tide is out.")

class Migration(m.Migration):
    atomic = {atomic}
    dependencies = {dependencies}
{body}
"""


@dataclass(frozen=True)
class Shop:
    """`folder` holds the project, `database` an entry of DATABASES."""

    folder: Path
    database: dict[str, Any]

    @classmethod
    def laid_down(cls, folder: Path, database: dict[str, Any]) -> Shop:
        """With its first migration applied."""
        (folder / "shop/migrations").mkdir(parents=True)
        (folder / "shop/__init__.py").write_text("")
        (folder / "shop/migrations/__init__.py").write_text("")
        (folder / "settings.py").write_text(SETTINGS)
        shop = cls(folder, database)
        shop.write("0001_initial", FIRST)
        shop.apply("0001_initial")
        return shop

    def write(self, name: str, body: str, *, after: str = "", atomic: bool = True) -> None:
        """A migration; `body` is indented and becomes part of its class."""
        indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
        dependencies = [("shop", after)] if after else []
        text = MODULE.format(atomic=atomic, dependencies=dependencies, body=indented)
        (self.folder / f"shop/migrations/{name}.py").write_text(text)

    def begin(self, *names: str, **limits: Any) -> subprocess.Popen[str]:
        """Apply these migrations in a process of their own."""
        only = {"default": [f"shop.{name}" for name in names]}
        return subprocess.Popen(
            (sys.executable, "-c", APPLY, json.dumps([only, limits])),
            env={
                **surroundings(),
                "PYTHONPATH": f"{self.folder}:{REPOSITORY}",
                "DJANGO_SETTINGS_MODULE": "settings",
                "SHOP_DATABASE": json.dumps(self.database),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def apply(self, *names: str, **limits: Any) -> dict[str, Any]:
        """Apply these migrations, and return what is told of it, with the output as "output"."""
        return answer_of(self.begin(*names, **limits))


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=120)
    lines = [line for line in output.splitlines() if line.startswith("answer ")]
    assert lines, output
    return {**json.loads(lines[0].removeprefix("answer ")), "output": output}
