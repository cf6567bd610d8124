"""The project is found without importing its settings."""

import sys
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.project.place import project_folder, settings_module


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "site" / "apps").mkdir(parents=True)
    (tmp_path / "site" / "manage.py").write_text("")
    monkeypatch.setattr(sys, "argv", ["django-admin"])
    return (tmp_path / "site").resolve()


def test_it_is_where_manage_py_was_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "argv", [str(project / "manage.py")])
    assert project_folder() == project


@pytest.mark.parametrize("folder", ["", "apps"])
def test_or_the_nearest_folder_above(project: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.chdir(project / folder)
    assert project_folder() == project


def test_where_there_is_none_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["manage.py"])
    with pytest.raises(ConfigError) as caught:
        project_folder()
    assert str(caught.value) == ("There is no manage.py here.\nChange into the folder of the project, then try again.")


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ('    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n', "mysite.settings"),
        ("os.environ.setdefault('DJANGO_SETTINGS_MODULE',\n  'mysite.settings.base')\n", "mysite.settings.base"),
        ("\xff nothing of the kind", ""),
    ],
)
def test_the_settings_module_is_the_one_that_manage_py_names(project: Path, text: str, module: str) -> None:
    (project / "manage.py").write_bytes(text.encode("latin-1"))
    assert settings_module(project) == module
