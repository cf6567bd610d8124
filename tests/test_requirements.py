"""Which requirements are chosen, what is read out of them, and when the environment is another."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_selfdeploy import requirements as module
from django_selfdeploy.core.errors import RequirementsError, SourceError
from django_selfdeploy.requirements import (
    OWN,
    TEXTS,
    Requirements,
    canonical,
    find_requirements,
    frozen,
    own_requirement,
)
from django_selfdeploy.source import find_source

PROJECT = '[project]\nname = "site"\ndependencies = ["django>=5.2", "django-selfdeploy"]\n'


def put(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def found(folder: Path, files: dict[str, str], **options: object) -> Requirements:
    source = find_source(put(folder, {"manage.py": "", **files}), use_git=False)
    return find_requirements(source, **options)  # type: ignore[arg-type]


def refusal(folder: Path, files: dict[str, str], **options: object) -> tuple[str, str]:
    with pytest.raises(RequirementsError) as caught:
        found(folder, files, **options)
    return caught.value.message, caught.value.hint


def installed(place: Path, name: str, version: str = "1.0", **files: str) -> None:
    """What an installer leaves of a package in site-packages."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    about = f"{name.replace('-', '_')}-{version}.dist-info"
    put(place / about, {"METADATA": metadata, "RECORD": "", **files})


class TestChoice:
    def test_of_the_lock_comes_first(self, tmp_path: Path) -> None:
        lock = '[[package]]\nname = "django"\nversion = "5.2"\n'
        got = found(tmp_path, {"uv.lock": lock, "pyproject.toml": PROJECT, "requirements.txt": "django\n"})
        assert got == Requirements("uv.lock", ("uv.lock", "pyproject.toml"), ("uv.lock",), (), got.digest)
        assert re.fullmatch("[0-9a-f]{64}", got.digest)

    def test_of_a_requirements_file_comes_next_in_this_order(self, tmp_path: Path) -> None:
        put(tmp_path, {"pyproject.toml": PROJECT, "requirements-dev.txt": "pytest\n"})
        for path in reversed(TEXTS):
            got = found(tmp_path, {path: "django\n"})
            assert got == Requirements("requirements", (path,), (path,), (), got.digest)

    def test_of_pyproject_gives_its_dependencies(self, tmp_path: Path) -> None:
        got = found(tmp_path, {"pyproject.toml": PROJECT})
        lines = ("django>=5.2", "django-selfdeploy")
        assert got == Requirements("pyproject", ("pyproject.toml",), (), lines, got.digest)

    @pytest.mark.parametrize("text", ["", "[tool.ruff]\n", '[project]\nname = "x"\n', "project = 1\n"])
    def test_of_what_is_installed_here_comes_last(
        self, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        installed(tmp_path / "lib", "django", "5.2")
        monkeypatch.setattr(sys, "path", [str(tmp_path / "lib")])
        got = found(tmp_path / "site", {"pyproject.toml": text})
        assert got == Requirements("frozen", (), (), ("django==5.2",), got.digest)

    def test_looks_into_the_folder_of_the_project_after_the_top(self, tmp_path: Path) -> None:
        put(tmp_path, {"web/requirements/prod.txt": "-r base.txt\n", "web/requirements/base.txt": "django\n"})
        source = replace(find_source(tmp_path), project="web")
        files = ("web/requirements/prod.txt", "web/requirements/base.txt")
        assert find_requirements(source).files == files
        put(tmp_path, {"pyproject.toml": PROJECT})
        assert find_requirements(replace(find_source(tmp_path), project="web")).kind == "pyproject"

    def test_may_be_named(self, tmp_path: Path) -> None:
        files = {
            "requirements.txt": "",
            "deps/a.txt": "django\n",
            "b.in": "-r deps/a.txt\n",
            "pyproject.toml": PROJECT,
        }
        got = found(tmp_path, files, named=("./b.in", "deps/a.txt"))
        assert got == Requirements("requirements", ("b.in", "deps/a.txt"), ("b.in", "deps/a.txt"), (), got.digest)
        assert found(tmp_path, {}, named=("pyproject.toml",)).kind == "pyproject"

    def test_of_a_name_that_is_not_there_is_refused_with_the_nearest(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, {"requirements.txt": ""}, named=("requirments.txt",)) == (
            "There is no 'requirments.txt' in the source.",
            "Did you mean 'requirements.txt'?",
        )
        assert refusal(tmp_path, {}, named=("/etc/x.lock",)) == (
            "There is no '/etc/x.lock' in the source.",
            "Commit it, or name a file that is there.",
        )

    def test_of_a_lock_or_project_among_others_is_refused(self, tmp_path: Path) -> None:
        files = {"requirements.txt": "", "pyproject.toml": PROJECT}
        assert refusal(tmp_path, files, named=("requirements.txt", "pyproject.toml")) == (
            "'pyproject.toml' cannot be combined with other files.",
            "Name either requirements files, or one lock, or one pyproject.toml.",
        )

    def test_of_a_named_project_without_dependencies_is_refused(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, {"pyproject.toml": ""}, named=("pyproject.toml",)) == (
            "'pyproject.toml' states no dependencies.",
            "Add the list `dependencies` to its table [project], or name a requirements file.",
        )


class TestIncludes:
    def test_are_followed_in_each_spelling_and_only_once(self, tmp_path: Path) -> None:
        lines = ["-r base.txt", "-rdeep/b.txt", "--requirement=c.txt", "--requirement d.txt", "-c e.txt"]
        lines += [
            "-r ./base.txt # again",
            "--constraint=f.txt",
            "# -r no.txt",
            '-r "g h.txt"',
            "django # -r no.txt",
        ]
        lines += [
            "-r \\",
            "  i.txt",
            "-r https://example.com/x.txt",
            "-c ${HOME}/x.txt",
            "-r requirements.txt",
        ]
        includes = {
            "base.txt": "-r requirements.txt\n",
            "deep/b.txt": "-r ../j.txt\n-c k.txt\n",
            "deep/k.txt": "",
            **dict.fromkeys(["c.txt", "d.txt", "e.txt", "f.txt", "g h.txt", "i.txt", "j.txt"], "x\n"),
        }
        got = found(tmp_path, {"requirements.txt": "\n".join(lines), **includes})
        near = ("base.txt", "deep/b.txt", "c.txt", "d.txt", "e.txt", "f.txt", "g h.txt", "i.txt")
        assert got.files == ("requirements.txt", *near, "j.txt", "deep/k.txt")
        assert got.install_from == ("requirements.txt",)

    @pytest.mark.parametrize("target", ["none.txt", "../none.txt", "/etc/hostname"])
    def test_of_what_is_not_in_the_source_are_refused(self, tmp_path: Path, target: str) -> None:
        files = {"requirements.txt": "-r deep/a.txt\n", "deep/a.txt": f"-c {target}\n"}
        inside = {"none.txt": "deep/none.txt", "../none.txt": "none.txt"}.get(target, target)
        assert refusal(tmp_path, files) == (
            f"'deep/a.txt' includes {target!r}, which is not in the source.",
            f"Commit {inside!r}, or take the line out of 'deep/a.txt'.",
        )

    def test_may_be_links(self, tmp_path: Path) -> None:
        put(tmp_path, {"deps/base.txt": "django\n"})
        (tmp_path / "requirements.txt").symlink_to("deps/base.txt")
        got = found(tmp_path, {})
        assert got.files == ("requirements.txt",)
        assert found(tmp_path, {"deps/base.txt": "django>5\n"}).digest != got.digest


class TestOwnPackage:
    @pytest.mark.parametrize(
        "line",
        [
            "django-selfdeploy",
            "Django_SelfDeploy[ssh]>=0.1 ; python_version > '3.9'",
            "django.selfdeploy==0.1 \\\n  --hash=sha256:00",
            "django-selfdeploy @ https://example.com/x.zip",
            "git+https://example.com/django-selfdeploy.git@main",
            "-e git+ssh://git@example.com/me/fork.git@v1#egg=django-selfdeploy",
            "https://example.com/django_selfdeploy-0.1-py3-none-any.whl#sha256=00",
            "./wheels/django_selfdeploy-0.1-py3-none-any.whl",
            "--editable=vendor/django-selfdeploy[ssh]",
            "-r more.txt",
        ],
    )
    def test_is_not_added_where_a_file_names_it(self, tmp_path: Path, line: str) -> None:
        local = {"wheels/django_selfdeploy-0.1-py3-none-any.whl": "", "vendor/django-selfdeploy/setup.py": ""}
        files = {"requirements.txt": f"django\n{line}\n", "more.txt": "django-selfdeploy\n", **local}
        assert found(tmp_path, files, own="django-selfdeploy==9").lines == ()

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "# django-selfdeploy",
            "-c more.txt",
            "django-selfdeploy-extras",
            "not-django-selfdeploy==1",
            "-f vendor/django-selfdeploy",
            "--index-url https://example.com/django-selfdeploy",
            "https://example.com/django-selfdeploy/x.zip",
        ],
    )
    def test_is_added_where_no_file_names_it(self, tmp_path: Path, line: str) -> None:
        files = {"requirements.txt": f"django\n{line}\n", "more.txt": "django-selfdeploy\n"}
        assert found(tmp_path, files, own="django-selfdeploy==9").lines == ("django-selfdeploy==9",)
        assert found(tmp_path, files).lines == ()

    def test_is_added_to_dependencies_and_to_what_is_installed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site = tmp_path / "site-packages"
        installed(site, "Django", "5.2")
        monkeypatch.setattr(sys, "path", [str(site)])
        own = "django-selfdeploy==9"
        assert found(tmp_path, {}, own=own).lines == ("Django==5.2", own)
        text = '[project]\ndependencies = ["django"]\n'
        assert found(tmp_path, {"pyproject.toml": text}, own=own).lines == ("django", own)
        assert found(tmp_path, {"pyproject.toml": PROJECT}, own=own).lines == ("django>=5.2", OWN)

    @pytest.mark.parametrize("group", ["dependencies", "dev"])
    def test_counts_in_a_lock_where_the_project_needs_it(self, tmp_path: Path, group: str) -> None:
        lock = f"""
            [[package]]
            name = "site"
            source = {{ virtual = "." }}
            dependencies = [{{ name = "wrapper" }}]

            [[package]]
            name = "wrapper"
            source = {{ registry = "https://example.com/simple" }}
            {group} = [{{ name = "django-selfdeploy", marker = "sys_platform == 'linux'" }}]

            [[package]]
            name = "django-selfdeploy"
            dependencies = [{{ name = "wrapper" }}]
        """
        got = found(tmp_path, {"uv.lock": lock, "pyproject.toml": PROJECT}, own="django-selfdeploy==9")
        assert got.lines == (() if group == "dependencies" else ("django-selfdeploy==9",))


class TestRefusal:
    def test_of_broken_toml_names_file_and_line(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, {"pyproject.toml": "[project]\nname =\n"}) == (
            "'pyproject.toml' is not valid TOML: Invalid value (at line 2, column 7).",
            "Mend it; `uv lock` writes the lock anew.",
        )
        files = {"pyproject.toml": PROJECT, "uv.lock": "version = 1\n<<<<<<< HEAD\n"}
        assert refusal(tmp_path, files)[0] == ("'uv.lock' is not valid TOML: Invalid statement (at line 2, column 1).")

    def test_of_a_lock_without_its_project(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, {"uv.lock": ""}) == (
            "'uv.lock' is there without 'pyproject.toml'.",
            "Commit 'pyproject.toml', or name a requirements file.",
        )

    def test_of_dynamic_dependencies(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, {"pyproject.toml": '[project]\ndynamic = ["version", "dependencies"]\n'}) == (
            "'pyproject.toml' leaves its dependencies to the build (dynamic).",
            "Write them down: uv pip compile pyproject.toml -o requirements.txt",
        )

    @pytest.mark.parametrize("value", ['"django"', '["django", 5]', "{ django = 5 }"])
    def test_of_dependencies_that_are_no_list(self, tmp_path: Path, value: str) -> None:
        assert refusal(tmp_path, {"pyproject.toml": f"[project]\ndependencies = {value}\n"}) == (
            "[project] dependencies of 'pyproject.toml' is not a list of texts.",
            'Write it like this: dependencies = ["django>=5.2"]',
        )

    @pytest.mark.parametrize("line", ["./pkg", "-e pkg", "pkg @ ./pkg ; python_version > '3'", "-e ./pkg[x]#egg=y"])
    def test_of_a_local_path_that_is_not_there(self, tmp_path: Path, line: str) -> None:
        name = "pkg" if line == "-e pkg" else "./pkg"
        assert refusal(tmp_path, {"requirements.txt": line}) == (
            f"'requirements.txt' names {name!r}, which is not in the source.",
            f"Commit {name!r}, or take the line out.",
        )

    def test_of_a_text_in_another_encoding(self, tmp_path: Path) -> None:
        (tmp_path / "requirements.txt").write_text("django\n", encoding="utf-16")
        with pytest.raises(SourceError) as caught:
            found(tmp_path, {})
        assert caught.value.message == "'requirements.txt' is not UTF-8 text."


class TestDigest:
    BASE = {"requirements.txt": "-r a.txt\n-e ./pkg\n", "a.txt": "-c b.txt\n", "b.txt": "", "pkg/x.py": "1"}

    def test_is_the_same_for_the_same(self, tmp_path: Path) -> None:
        one, two = (
            found(tmp_path / "1", self.BASE),
            found(tmp_path / "2", {**self.BASE, "views.py": "changed"}),
        )
        assert one == two
        assert one.key("cpython-3.11.7-x86_64") == two.key("cpython-3.11.7-x86_64")

    def test_gives_a_key_for_each_interpreter(self, tmp_path: Path) -> None:
        got = found(tmp_path, self.BASE)
        keys = {got.key(f"cpython-3.1{minor}.0-x86_64") for minor in range(4)}
        assert len(keys) == 4
        assert all(re.fullmatch("[0-9a-f]{16}", key) for key in keys)

    @pytest.mark.parametrize("path", ["requirements.txt", "a.txt", "b.txt", "pkg/x.py", "pkg/new.py"])
    def test_changes_with_each_file_and_folder(self, tmp_path: Path, path: str) -> None:
        before = found(tmp_path, self.BASE).digest
        assert found(tmp_path, {**self.BASE, path: self.BASE.get(path, "") + "\n"}).digest != before

    @pytest.mark.parametrize(
        "line",
        [
            "-e .",
            "deep/pkg/",
            "./pkg",
            "file:deep/pkg",
            "x @ file:./pkg",
            "-f deep/pkg",
            "--find-links=pkg",
            "p.whl",
        ],
    )
    def test_changes_with_what_a_line_names(self, tmp_path: Path, line: str) -> None:
        files = {"requirements.txt": "-r deep/r.txt\n", "deep/r.txt": line, "deep/pkg/x": "1", "p.whl": "1"}
        before = found(tmp_path, files).digest
        assert found(tmp_path, {**files, "deep/pkg/x": "2", "p.whl": "2"}).digest != before

    @pytest.mark.parametrize(
        "line",
        [
            "x @ https://a/./b",
            "-e git+https://a/b",
            "git+ssh://a/b",
            "${HOME}/x",
            "file:///${A}/x",
            "-f absent",
            "-i x",
        ],
    )
    def test_is_content_with_a_line_that_names_nothing_local(self, tmp_path: Path, line: str) -> None:
        assert found(tmp_path, {"requirements.txt": line}).files == ("requirements.txt",)

    def test_changes_with_a_folder_or_wheel_on_this_machine(self, tmp_path: Path) -> None:
        elsewhere = put(tmp_path / "else where", {"setup.py": "", "x.whl": ""})
        for line in (f"x @ {elsewhere.as_uri()}", str(elsewhere / "x.whl"), f"-e {elsewhere}"):
            files = {"requirements.txt": line}
            before = found(tmp_path / "site", files).digest
            put(elsewhere, {"x.whl": (elsewhere / "x.whl").read_text() + "1"})
            assert found(tmp_path / "site", files).digest != before

    def test_changes_with_the_folder_of_our_own_line(self, tmp_path: Path) -> None:
        checkout = put(tmp_path / "checkout", {"x.py": "1"})
        own = f"{OWN} @ {checkout.as_uri()}"
        before = found(tmp_path / "site", {"requirements.txt": ""}, own=own)
        assert before.lines == (own,)
        put(checkout, {"x.py": "2"})
        assert found(tmp_path / "site", {"requirements.txt": ""}, own=own).digest != before.digest

    def test_of_a_folder_that_cannot_be_taken_is_refused(self, tmp_path: Path) -> None:
        elsewhere = put(tmp_path / "elsewhere", {"x.py": ""})
        (elsewhere / "out").symlink_to("/srv")
        line = f"x @ {elsewhere.as_uri()}"
        assert refusal(tmp_path / "site", {"requirements.txt": line}) == (
            f"{line!r} cannot be taken: 'out' is a link that leads out of the source, to '/srv'.",
            "Put a copy of what it points to in its place, or remove it: rm out",
        )

    def test_changes_with_the_folders_of_a_lock(self, tmp_path: Path) -> None:
        lock = '[[package]]\nname = "x"\nsource = { editable = "pkg" }\n'
        files = {"uv.lock": lock, "pyproject.toml": PROJECT, "pkg/x.py": "1"}
        before = found(tmp_path, files).digest
        assert found(tmp_path, {**files, "pkg/x.py": "2"}).digest != before
        assert found(tmp_path, {**files, "pyproject.toml": PROJECT + "\n"}).digest != before

    @settings(max_examples=30)
    @given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
    def test_can_be_made_of_any_text_or_is_refused_in_words(self, text: str) -> None:
        with tempfile.TemporaryDirectory() as name, contextlib.suppress(RequirementsError):
            assert found(Path(name), {"requirements.txt": text}).kind == "requirements"


class TestFrozen:
    def test_pins_what_is_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second, checkout = tmp_path / "1", tmp_path / "2", put(tmp_path / "my pkg", {"setup.py": ""})
        origins = {
            "edited": {"url": checkout.as_uri(), "dir_info": {"editable": True}},
            "built": {"url": "file:///home/conda/build/work", "dir_info": {}},
            "archived": {"url": "https://example.com/wheel.whl", "archive_info": {}},
            "cloned": {
                "url": "https://example.com/c.git",
                "vcs_info": {"vcs": "git", "commit_id": "0a1b"},
                "subdirectory": "py",
            },
        }
        for name, origin in origins.items():
            installed(first, name, **{"direct_url.json": json.dumps(origin)})
        for name in ("Zope.x", "django", "pip", "setuptools", "wheel", "uv"):
            installed(second, name)
        installed(second, "edited", "0.1")
        (second / "broken-1.0.dist-info").mkdir()
        monkeypatch.setattr(sys, "path", [str(first), str(second)])
        assert frozen() == (
            "archived @ https://example.com/wheel.whl",
            "built==1.0",
            "cloned @ git+https://example.com/c.git@0a1b#subdirectory=py",
            "django==1.0",
            f"edited @ {checkout.as_uri()}",
            "uv==1.0",
            "Zope.x==1.0",
        )

    def test_agrees_with_the_environment_of_these_tests(self) -> None:
        assert f"pytest=={importlib.metadata.version('pytest')}" in frozen()


class TestOwnRequirement:
    def test_of_a_checkout_is_its_folder(self) -> None:
        assert own_requirement() == f"django-selfdeploy @ {Path(__file__).parents[1].resolve().as_uri()}"

    def test_of_an_installed_package_is_where_it_came_from(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "__file__", str(tmp_path / "django_selfdeploy/requirements.py"))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        assert own_requirement() == ""  # copied into a project
        installed(tmp_path, "django-selfdeploy", "0.1.0")
        assert own_requirement() == "django-selfdeploy==0.1.0"
        wheel = put(tmp_path, {"a.whl": ""}) / "a.whl"
        installed(tmp_path, OWN, "0.1.0", **{"direct_url.json": json.dumps({"url": wheel.as_uri()})})
        assert own_requirement() == f"django-selfdeploy @ {wheel.as_uri()}"


@pytest.mark.parametrize("name", ["Django_SelfDeploy", "django.selfdeploy", "django--selfdeploy"])
def test_names_are_compared_as_pep_503_says(name: str) -> None:
    assert canonical(name) == OWN
