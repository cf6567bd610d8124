"""How Sphinx builds this documentation: `python -m sphinx -W --keep-going -b html docs docs/_build/html`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import generate  # noqa: E402

import django_selfdeploy  # noqa: E402

generate.write(HERE / "reference" / "_generated")

project = "django-selfdeploy"
author = "the django-selfdeploy developers"
copyright = f"2026, {author}"
version = release = django_selfdeploy.__version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
exclude_patterns = ["_build", "reference/_generated"]

html_theme = "furo"
html_title = f"django-selfdeploy {version}"
html_show_sphinx = False
smartquotes = False
