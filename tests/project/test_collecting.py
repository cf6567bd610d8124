"""collectstatic in a release: names carry the hash of what is served, and nothing is done twice."""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
from django.contrib.staticfiles import finders
from django.core.files.storage import InMemoryStorage
from django.test import override_settings

from django_selfdeploy.project import collecting, smaller
from django_selfdeploy.project.collecting import collect, names_below

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
STATIC = {"minify": True, "images": False, "svg": False, "gzip": True, "brotli": True}
SHEET = "/* a comment that nobody needs */\n" + "\n".join(
    f".c{n} {{ background : url('dot.svg') ; }}" for n in range(40)
)
SCRIPT = "// gone\n" + "let a  =  1;\n" * 40

Collect = Callable[..., dict[str, Any]]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with static files in source/, and a root with shared/."""
    monkeypatch.setattr(smaller.shutil, "which", lambda name, path=None: None)
    for name, text in {"site.css": SHEET, "deep/site.js": SCRIPT, "dot.svg": "<svg/>", ".hidden": "no"}.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "shared").mkdir()
    finders.get_finder.cache_clear()
    yield tmp_path
    finders.get_finder.cache_clear()


@pytest.fixture
def collected(site: Path, monkeypatch: pytest.MonkeyPatch) -> Collect:
    """Collect into the release `name`, after the release `before`."""

    def ask(name: str, before: str = "", storage: str = MANIFEST, **more: Any) -> dict[str, Any]:
        release = site / name
        (release / "etc").mkdir(parents=True)
        monkeypatch.setenv("SELFDEPLOY_PUBLIC", f"{release}/public")
        monkeypatch.setenv("SELFDEPLOY_SHARED", f"{site}/shared")
        monkeypatch.setenv("SELFDEPLOY_PROJECT", f"{site}/source")
        own = "django.contrib.staticfiles.finders.FileSystemFinder"
        finders.get_finder.cache_clear()
        with override_settings(
            STATICFILES_DIRS=[site / "source"],
            STATICFILES_FINDERS=[own],
            STATIC_ROOT=f"{release}/public/static",
            STORAGES={"staticfiles": {"BACKEND": storage}},
        ):
            return collect(before=str(site / before) if before else "", **{"served": True, "static": STATIC, **more})

    return ask


def hashed(folder: Path, stem: str, ending: str) -> Path:
    [found] = [path for path in folder.iterdir() if re.fullmatch(rf"{stem}\.[0-9a-f]{{12}}\{ending}", path.name)]
    return found


def test_a_hashed_name_is_that_of_the_minified_file(site: Path, collected: Collect) -> None:
    told = collected("1")
    assert told["note"].startswith("3 files copied, 3 post-processed, ")
    folder = site / "1/public/static"
    script = hashed(folder / "deep", "site", ".js")
    assert script.read_bytes() == b"let a=1;" * 40
    assert script.name == f"site.{hashlib.md5(script.read_bytes()).hexdigest()[:12]}.js"
    sheet = hashed(folder, "site", ".css").read_text()
    assert f'url("{hashed(folder, "dot", ".svg").name}")' in sheet
    assert "comment" not in sheet
    manifest = json.loads((folder / "staticfiles.json").read_text())
    assert sorted(manifest["paths"]) == ["deep/site.js", "dot.svg", "site.css"]
    assert {path.name for path in (site / "1").iterdir()} == {"etc", "made", "public"}


def test_siblings_are_the_same_bytes_and_only_where_they_are_smaller(site: Path, collected: Collect) -> None:
    collected("1")
    folder = site / "1/public/static"
    for path in (folder / "site.css", hashed(folder, "site", ".css"), hashed(folder / "deep", "site", ".js")):
        assert gzip.decompress(Path(f"{path}.gz").read_bytes()) == path.read_bytes()
        assert brotli.decompress(Path(f"{path}.br").read_bytes()) == path.read_bytes()
    assert not (folder / "dot.svg.gz").exists()


def test_an_unchanged_tree_is_taken_over_and_django_is_not_asked(
    site: Path, collected: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected("1")
    monkeypatch.setattr(collecting, "call_command", None)
    for path in (site / "source").rglob("*.*"):
        path.touch()  # times do not count, hashes do
    told = collected("2", "1")
    names = names_below(site / "1/public")
    assert told == {"note": f"{len(names)} files, none changed"}
    assert names_below(site / "2/public") == names
    assert all((site / "2/public" / name).samefile(site / "1/public" / name) for name in names)
    assert names_below(site / "2/made") == names_below(site / "1/made")
    assert collected("3", "2") == told


def test_of_a_changed_tree_only_what_changed_is_made_anew(site: Path, collected: Collect) -> None:
    collected("1")
    old = hashed(site / "1/public/static", "site", ".css")
    (site / "source/site.css").write_text(f"{SHEET}\n.new {{ color : red }}")
    told = collected("2", "1")
    # the sheet is minified once, and its two forms compressed twice each
    assert told["note"] == "3 files copied, 3 post-processed, 5 made smaller or compressed"
    folder = site / "2/public/static"
    assert not (folder / old.name).exists()
    script = hashed(folder / "deep", "site", ".js").name
    assert (folder / f"deep/{script}.gz").samefile(site / f"1/public/static/deep/{script}.gz")


@pytest.mark.parametrize("change", [{"STATIC_URL": "/other/"}, {"INSTALLED_APPS": ["django.contrib.staticfiles"]}])
def test_a_setting_that_matters_makes_it_another_collection(
    site: Path, collected: Collect, change: dict[str, Any]
) -> None:
    collected("1")
    with override_settings(**change):
        assert "copied" in collected("2", "1")["note"]


def test_another_tool_or_option_makes_it_another_collection(site: Path, collected: Collect) -> None:
    collected("1")
    assert "copied" in collected("2", "1", static={**STATIC, "minify": False})["note"]
    assert (site / "2/public/static/site.css").read_text() == SHEET


def test_a_last_release_that_lacks_a_file_is_not_taken_over(site: Path, collected: Collect) -> None:
    collected("1")
    (site / "1/public/static/dot.svg").unlink()
    assert "copied" in collected("2", "1")["note"]
    assert (site / "2/public/static/dot.svg").exists()


def test_what_the_front_server_does_not_serve_is_only_collected(site: Path, collected: Collect) -> None:
    collected("1", served=False)
    assert names_below(site / "1/made") == []
    assert (site / "1/public/static/site.css").read_text() == SHEET
    assert not [name for name in names_below(site / "1/public") if name.endswith((".gz", ".br"))]


class Elsewhere(InMemoryStorage):
    """A storage that is no folder of this host."""


def test_a_storage_elsewhere_is_sent_to_once_whichever_release_did(site: Path, collected: Collect) -> None:
    there = f"{__name__}.Elsewhere"
    assert collected("1", storage=there)["note"] == "3 files copied"
    assert collected("2", storage=there)["note"] == "3 files, none changed"
    (site / "source/dot.svg").write_text("<svg></svg>")
    assert collected("3", "1", storage=there)["note"] == "3 files copied"
    assert not (site / "1/public").exists()


def test_without_the_app_nothing_is_collected(site: Path, collected: Collect) -> None:
    with override_settings(INSTALLED_APPS=["django.contrib.contenttypes"]):
        assert collected("1") == {"note": "django.contrib.staticfiles is not installed"}
