"""manage.py of the project in this folder; at its end it says what went to and fro. Not imported: its text is run.

    python -c TEXT PATH WORD...

The round trips of each conversation go to the file PATH, as JSON. Everything else is as with manage.py.
"""

import json
import runpy
import sys

from django_selfdeploy.hosts.base import Connection

made = []
begin = Connection.__init__


def remembered(self, *args, **named):
    made.append(self)
    begin(self, *args, **named)


if __name__ == "__main__":
    path, *words = sys.argv[1:]
    sys.argv = ["manage.py", *words]
    Connection.__init__ = remembered
    try:
        runpy.run_path("manage.py", run_name="__main__")
    finally:
        with open(path, "w") as file:
            json.dump([connection.round_trips for connection in made], file)
