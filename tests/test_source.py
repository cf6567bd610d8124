"""What is deployed, and what is refused, compared with real repositories and folders."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_selfdeploy import limits
from django_selfdeploy.core.errors import SourceError
from django_selfdeploy.core.manifest import FILE, LINK, PROGRAM, Entry, blob_id
from django_selfdeploy.source import GitSource, Source, TreeSource, find_source

CONFIG = {
    "user.name": "Ada",
    "user.email": "ada@example.com",
    "maintenance.auto": "false",
    "core.fsync": "none",
}
FILES: dict[str, str | bytes] = {"manage.py": "print(1)\n", "app/views.py": "VIEWS = 1\n"}


@pytest.fixture(scope="module", autouse=True)
def _no_config_of_this_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        patch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
        patch.setenv("GIT_CONFIG_COUNT", str(len(CONFIG)))
        for number, (key, value) in enumerate(CONFIG.items()):
            patch.setenv(f"GIT_CONFIG_KEY_{number}", key)
            patch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
        yield


@pytest.fixture(scope="module")
def prototype(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = put(tmp_path_factory.mktemp("prototype"), FILES)
    git(place, "init", "-q", "--template=")
    return commit(place)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a project of two files, without git."""
    return put(tmp_path.resolve() / "site", FILES)


@pytest.fixture
def repository(prototype: Path, tmp_path: Path) -> Path:
    """The same as a repository with one commit."""
    return Path(shutil.copytree(prototype, tmp_path.resolve() / "site"))


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    done = subprocess.run(("git", *words), cwd=folder, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(folder: Path, subject: str = "Make it") -> Path:
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", subject)
    return folder


def commit_names(folder: Path, *names: bytes) -> None:
    """A commit of files with names that no work tree could hold."""
    blob = git(folder, "hash-object", "-w", "--stdin").encode()
    rows = b"".join(b"100644 blob %s\t%s\0" % (blob, name) for name in names)
    tree = git(folder, "mktree", "-z", stdin=rows)
    git(folder, "update-ref", "HEAD", git(folder, "commit-tree", "-m", "Names", tree))


def paths(source: Source) -> list[str]:
    return [entry.path for entry in source.entries]


def contents(source: Source) -> dict[str, bytes]:
    found = dict(source.read(dict.fromkeys(entry.blob for entry in source.entries)))
    return {entry.path: found[entry.blob] for entry in source.entries}


def refusal(place: Path, **options: object) -> tuple[str, str]:
    with pytest.raises(SourceError) as caught:
        find_source(place, **options)  # type: ignore[arg-type]
    return caught.value.message, caught.value.hint


def refusals(repository: Path) -> set[tuple[str, str]]:
    """Those of the folder, of the work tree, and of the commit that has all of it."""
    before = {refusal(repository, use_git=False), refusal(repository, allow_dirty=True)}
    return before | {refusal(commit(repository))}


class TestCommit:
    def test_is_listed_with_what_git_knows(self, repository: Path) -> None:
        (repository / "manage.py").chmod(0o755)
        (repository / "now").symlink_to("app/views.py")
        commit(repository, "Make it run\n\nAt last.")
        source = find_source(repository)
        assert source == GitSource(
            kind="git",
            commit=git(repository, "rev-parse", "HEAD"),
            dirty=False,
            subject="Make it run",
            project="",
            entries=(
                Entry("app/views.py", blob_id(b"VIEWS = 1\n"), FILE, 10),
                Entry("manage.py", blob_id(b"print(1)\n"), PROGRAM, 9),
                Entry("now", blob_id(b"app/views.py"), LINK, 12),
            ),
            left_out=(),
            repository=repository,
        )
        assert source.short == git(repository, "rev-parse", "HEAD")[:8]
        assert contents(source) == {
            "app/views.py": b"VIEWS = 1\n",
            "manage.py": b"print(1)\n",
            "now": b"app/views.py",
        }

    def test_that_is_named_does_not_care_for_the_work_tree(self, repository: Path) -> None:
        git(repository, "tag", "v1")
        git(repository, "tag", "-a", "-m", "Signed", "v1-annotated")
        commit(put(repository, {"manage.py": "print(2)\n"}))
        put(repository, {"manage.py": "print(3)\n"})
        for name in ("v1", "v1-annotated", git(repository, "rev-parse", "v1"), "HEAD~1"):
            assert find_source(repository, commit=name).text("manage.py") == "print(1)\n"
        branch = git(repository, "branch", "--show-current")
        assert find_source(repository, commit=branch).text("manage.py") == "print(2)\n"

    def test_is_read_in_the_order_asked_for_and_lazily(self, repository: Path) -> None:
        commit(put(repository, {f"data/{n}": os.urandom(100_000) for n in range(30)}))
        source = find_source(repository)
        blobs = [entry.blob for entry in source.entries][::-1]
        assert [blob for blob, _ in source.read(blobs)] == blobs
        assert all(blob_id(data) == blob for blob, data in source.read(blobs))
        reading = source.read(iter(blobs))
        assert next(reading)[0] == blobs[0]
        reading.close()

    def test_of_nothing_asked_for_starts_no_git(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = find_source(repository)
        monkeypatch.setenv("PATH", "/nowhere")
        assert list(source.read([])) == []

    def test_of_a_sha256_repository_has_long_ids(self, folder: Path) -> None:
        git(folder, "init", "-q", "--object-format=sha256")
        source = find_source(commit(folder))
        assert {len(entry.blob) for entry in source.entries} == {64}
        assert contents(source) == {"app/views.py": b"VIEWS = 1\n", "manage.py": b"print(1)\n"}
        put(folder, {"manage.py": "print(2)\n"})
        dirty = find_source(folder, allow_dirty=True)
        assert dirty.entries[0] == source.entries[0]
        assert dirty.text("manage.py") == "print(2)\n"

    def test_keeps_tracked_certificates_but_no_secrets_and_no_databases(self, repository: Path) -> None:
        kept = {
            "ca.pem": "",
            "public.key": "",
            ".env.example": "",
            "id_rsa.pub": "",
            ".venv/x": "",
            "geo.db": "",
        }
        gone = {
            ".env": "",
            "app/.env.production": "",
            "db.sqlite3": "",
            "db.sqlite3-wal": "",
            "keys/id_rsa": "",
        }
        source = find_source(commit(put(repository, kept | gone)))
        assert paths(source) == sorted([*kept, "manage.py", "app/views.py"])
        assert source.left_out == tuple(sorted(gone))

    def test_has_what_export_ignore_names(self, repository: Path) -> None:
        commit(put(repository, {".gitattributes": "app export-ignore\n"}))
        assert "app/views.py" in paths(find_source(repository))

    def test_is_found_although_a_hook_runs_the_command(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_DIR", ".git")
        monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
        assert find_source(repository / "app").text("views.py") == "VIEWS = 1\n"

    def test_has_an_empty_subject_where_the_message_is_empty_and_none_that_moves_a_cursor(
        self, repository: Path
    ) -> None:
        git(repository, "commit", "-q", "--amend", "--allow-empty-message", "-m", "")
        assert find_source(repository).subject == ""
        git(repository, "commit", "-q", "--amend", "-m", "Rot \x1b[31m grün")
        assert find_source(repository).subject == "Rot [31m grün"


class TestProject:
    def test_below_the_top_is_the_source_where_it_has_its_requirements(self, repository: Path) -> None:
        commit(put(repository, {"web/manage.py": "", "web/requirements/base.txt": "", "requirements.txt": ""}))
        source = find_source(repository / "web")
        assert (source.project, paths(source)) == ("", ["manage.py", "requirements/base.txt"])

    @pytest.mark.parametrize("name", ["requirements.txt", "requirements/prod.txt", "pyproject.toml", "uv.lock"])
    def test_without_requirements_takes_the_nearest_folder_that_has(self, repository: Path, name: str) -> None:
        commit(put(repository, {"a/b/c/manage.py": "", f"a/{name}": "", "pyproject.toml": ""}))
        source = find_source(repository / "a/b/c")
        assert (source.project, paths(source)) == ("b/c", sorted([name, "b/c/manage.py"]))
        put(repository, {"a/new.py": ""})
        dirty = find_source(repository / "a/b/c", allow_dirty=True)
        assert (dirty.project, paths(dirty)) == ("b/c", sorted([name, "new.py", "b/c/manage.py"]))

    def test_without_any_requirements_is_the_source(self, repository: Path) -> None:
        source = find_source(repository / "app")
        assert (source.project, paths(source)) == ("", ["views.py"])

    def test_is_not_bothered_by_changes_beside_it(self, repository: Path) -> None:
        commit(put(repository, {"web/manage.py": "", "web/pyproject.toml": ""}))
        put(repository, {"manage.py": "changed", "web2/new.py": ""})
        assert not find_source(repository / "web").dirty

    def test_may_have_a_name_that_means_something_to_git(self, repository: Path) -> None:
        place = repository / ":(top)*"
        commit(put(repository, {":(top)*/manage.py": "1", ":(top)*/pyproject.toml": ""}))
        assert paths(find_source(place)) == ["manage.py", "pyproject.toml"]
        put(place, {"manage.py": "2"})
        assert find_source(place, allow_dirty=True).text("manage.py") == "2"

    def test_is_found_through_a_link(self, repository: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(repository / "app")
        assert paths(find_source(tmp_path / "link")) == ["views.py"]


class TestDirtyWorkTree:
    def test_is_refused_by_name(self, repository: Path) -> None:
        hint = "Commit them (git add -A && git commit), or deploy the work tree as it is with --allow-dirty."
        put(repository, {"manage.py": "print(2)\n"})
        assert refusal(repository) == ("Not everything is committed: 'manage.py'.", hint)
        put(repository, {"b.py": "", "c.py": "", "a.py": "", "\n": ""})
        (repository / "app/views.py").unlink()
        named = "'\\n', 'a.py', 'app/views.py' and 3 more"
        assert refusal(repository) == (f"Not everything is committed: {named}.", hint)

    @pytest.mark.parametrize("place", ["", "app"])
    def test_is_taken_as_it_is_when_allowed(self, repository: Path, place: str) -> None:
        commit(put(repository, {"app/old.py": "", "app/pyproject.toml": "", ".gitignore": "*.log\n"}))
        put(repository, {"app/views.py": "2", "app/new.py": "3", "app/x.log": ""})
        (repository / "app/new.py").chmod(0o700)
        (repository / "app/old.py").unlink()
        source = find_source(repository / place, allow_dirty=True)
        assert (source.kind, source.dirty, source.subject) == ("git", True, "Make it")
        assert source.commit == git(repository, "rev-parse", "HEAD")
        assert source.short not in source.commit
        here = [(entry.path, entry.mode) for entry in source.entries if "new" in entry.path]
        assert here == [(f"{'' if place else 'app/'}new.py", PROGRAM)]
        assert {path.rpartition("/")[2]: data for path, data in contents(source).items()}.items() >= {
            ("views.py", b"2"),
            ("new.py", b"3"),
        }
        assert not {"old.py", "x.log"} & {path.rpartition("/")[2] for path in paths(source)}

    def test_that_is_clean_gives_the_commit_even_if_more_is_allowed(self, repository: Path) -> None:
        assert find_source(repository, allow_dirty=True) == find_source(repository)

    def test_is_clean_where_only_what_is_never_deployed_differs(self, repository: Path) -> None:
        commit(put(repository, {"db.sqlite3": "1"}))
        junk = {"db.sqlite3": "2", ".env": "", "key.pem": "", "media/a.jpg": "", "app/__pycache__/a.pyc": ""}
        put(repository, junk | {"environment/pyvenv.cfg": "", "environment/bin/x": ""})
        source = find_source(repository, extra_ignores=("media",))
        assert (source.dirty, source.left_out) == (False, ("db.sqlite3",))

    def test_leaves_out_the_same_as_a_folder_but_not_what_is_tracked(self, repository: Path) -> None:
        commit(put(repository, {"ca.pem": "", "venv/tracked.py": ""}))
        more = {".env": "", "key.pem": "", "media/a": "", "media/b": "", "x.pyc": "", "e/pyvenv.cfg": ""}
        put(repository, more | {"e/lib/x.pem": "", "new.py": "", "clone/x": ""})
        git(repository / "clone", "init", "-q")
        source = find_source(repository, allow_dirty=True, extra_ignores=("media",))
        assert paths(source) == ["app/views.py", "ca.pem", "manage.py", "new.py", "venv/tracked.py"]
        assert source.left_out == (".env", "clone/", "key.pem", "media/")

    def test_ignores_are_relative_to_the_project(self, repository: Path) -> None:
        commit(put(repository, {"requirements.txt": "", "web/manage.py": ""}))
        put(repository, {"web/media/a": "", "static/b": "", "media/c": ""})
        source = find_source(repository / "web", allow_dirty=True, extra_ignores=("media", "../static", "/srv"))
        assert source.left_out == ("static/", "web/media/")
        assert "media/c" in paths(source)

    def test_without_a_commit_needs_to_be_allowed(self, folder: Path) -> None:
        git(folder, "init", "-q")
        hint = "Run `git add -A && git commit`, or deploy the work tree with --allow-dirty."
        assert refusal(folder) == (f"The repository {str(folder)!r} has no commit yet.", hint)
        source = find_source(folder, allow_dirty=True)
        assert (source.kind, source.commit, source.dirty, source.subject) == ("git", None, True, "")
        assert paths(source) == ["app/views.py", "manage.py"]
        assert len(source.short) == 8
        assert paths(find_source(folder / "app", allow_dirty=True)) == ["views.py"]

    def test_that_changes_while_it_is_read_is_refused(self, repository: Path) -> None:
        put(repository, {"manage.py": "print(2)\n"})
        source = find_source(repository, allow_dirty=True)
        for change in (
            lambda: put(repository, {"manage.py": "print(3)\n"}),
            (repository / "manage.py").unlink,
        ):
            change()
            with pytest.raises(SourceError) as caught:
                contents(source)
            assert caught.value.message == "'manage.py' changed while it was read."
            assert caught.value.hint == "Deploy again when nothing writes to it."


class TestRepositoryRefusal:
    def test_of_a_commit_that_is_not_there(self, repository: Path) -> None:
        hint = "Fetch it (git fetch --all --tags); `git branch --all` and `git tag` list the names."
        for name in ("v9", "", "-h", "--all", "$(id)", "HEAD:manage.py", "^HEAD", "a\0b", "é", "HEAD..HEAD"):
            message = f"The repository {str(repository)!r} has no commit {name!r}."
            assert refusal(repository, commit=name) == (message, hint)

    def test_of_somebody_elses_repository_gives_gits_own_hint(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        why = f"detected dubious ownership in repository at '{repository}'"
        assert refusal(repository) == (
            f"git cannot read the repository of {str(repository)!r}: {why}.",
            f"If you trust its owner: git config --global --add safe.directory {repository}",
        )

    def test_of_a_repository_that_moved_away(self, folder: Path) -> None:
        put(folder, {".git": "gitdir: /nowhere"})
        assert refusal(folder) == (
            f"git cannot read the repository of {str(folder)!r}: not a git repository: /nowhere.",
            f"git -C {folder} status",
        )

    def test_of_a_broken_index(self, repository: Path) -> None:
        put(repository, {".git/index": "rubbish, and long enough to be looked at"})
        message, hint = refusal(repository)
        assert message.startswith(f"git cannot read the repository of {str(repository)!r}: ")
        assert hint == f"git -C {repository} status"

    def test_of_a_folder_that_is_not_in_the_commit(self, repository: Path) -> None:
        put(repository, {".gitignore": "new site\n", "new site/manage.py": ""})
        commit_hint = "Commit it (git add 'new site' && git commit), or name a commit that has it."
        short = git(repository, "rev-parse", "HEAD")[:8]
        message = f"The folder 'new site' is not in the commit {short}."
        assert refusal(repository / "new site") == (message, commit_hint)

    @pytest.mark.parametrize("dirty", [False, True])
    def test_of_a_submodule(self, repository: Path, dirty: bool) -> None:
        put(repository, {"my lib/x.py": ""})
        git(repository / "my lib", "init", "-q")
        commit(repository / "my lib")
        commit(repository)
        put(repository, {"new.py": ""} if dirty else {})
        assert refusal(repository, allow_dirty=dirty) == (
            "'my lib' is a submodule, which is not deployed.",
            "Install it as a requirement, or commit its files here, after: git rm --cached 'my lib'",
        )

    def test_of_a_file_kept_by_lfs(self, repository: Path) -> None:
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
        source = find_source(commit(put(repository, {"a b.jpg": pointer})))
        with pytest.raises(SourceError) as caught:
            contents(source)
        again = "git add --renormalize 'a b.jpg' && git commit"
        assert (caught.value.message, caught.value.hint) == (
            "'a b.jpg' is kept by Git LFS; the commit has only a pointer.",
            f"Take its pattern out of .gitattributes (git lfs untrack), then: {again}",
        )

    def test_is_not_of_a_file_that_only_speaks_of_lfs(self, repository: Path) -> None:
        text = "version https://git-lfs.github.com/spec/v1\nis what a pointer begins with\n"
        source = find_source(commit(put(repository, {"notes.txt": text})))
        assert contents(source)["notes.txt"] == text.encode()

    def test_of_a_missing_object(self, repository: Path) -> None:
        source = find_source(repository)
        blob = blob_id(b"print(1)\n")
        (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
        with pytest.raises(SourceError) as caught:
            contents(source)
        assert caught.value.message == f"git cannot read 'manage.py', blob {blob}."
        assert caught.value.hint == f"Look closer: git -C {repository} fsck"

    def test_of_a_missing_tree(self, repository: Path) -> None:
        tree = git(repository, "rev-parse", "HEAD^{tree}")
        (repository / ".git/objects" / tree[:2] / tree[2:]).unlink()
        head = git(repository, "rev-parse", "HEAD")
        assert refusal(repository, commit=head) == (
            f"git cannot read the repository of {str(repository)!r}: Not a valid object name {head}:.",
            f"git -C {repository} status",
        )

    @pytest.mark.parametrize("dirty", [False, True])
    def test_of_a_blob_of_the_past(self, repository: Path, dirty: bool) -> None:
        old = blob_id(b"print(1)\n")
        commit(put(repository, {"manage.py": "print(2)\n"}))
        put(repository, {"new.py": ""} if dirty else {})
        with pytest.raises(SourceError) as caught:
            list(find_source(repository, allow_dirty=dirty).read([old]))
        assert caught.value.message == f"No file of the source has the blob {old!r}."

    def test_where_a_repository_is_needed(self, folder: Path) -> None:
        message = f"{str(folder)!r} is in no git repository that git can read."
        hint = "Install git, run `git init`, or deploy the folder as it is."
        assert refusal(folder, use_git=True) == (message, hint)
        assert refusal(folder, commit="v1") == (message, hint)


class TestFolder:
    def test_is_taken_without_a_repository(self, folder: Path) -> None:
        (folder / "manage.py").chmod(0o755)
        (folder / "now").symlink_to("app")
        source = find_source(folder)
        assert source == TreeSource(
            kind="tree",
            commit=None,
            dirty=False,
            subject="",
            project="",
            entries=(
                Entry("app/views.py", blob_id(b"VIEWS = 1\n"), FILE, 10),
                Entry("manage.py", blob_id(b"print(1)\n"), PROGRAM, 9),
                Entry("now", blob_id(b"app"), LINK, 3),
            ),
            left_out=(),
            folder=folder,
        )
        assert contents(source) == {"app/views.py": b"VIEWS = 1\n", "manage.py": b"print(1)\n", "now": b"app"}
        assert re.fullmatch("[0-9a-f]{8}", source.short)
        (folder / "manage.py").chmod(0o644)
        assert find_source(folder).short != source.short

    def test_is_taken_where_git_is_not_wanted_or_missing_or_bare(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert find_source(repository, use_git=False).kind == "tree"
        bare = put(tmp_path / "bare", {"manage.py": ""})
        git(bare, "init", "-q", "--bare")
        assert find_source(bare).kind == "tree"
        monkeypatch.setenv("PATH", "/nowhere")
        assert find_source(repository).kind == "tree"

    def test_leaves_out_what_is_not_code(self, folder: Path) -> None:
        junk = [
            ".git/x",
            ".hg/x",
            "a/__pycache__/x",
            "a/b.pyc",
            ".venv/x",
            "venv/x",
            "env/pyvenv.cfg",
            "env/lib/x",
        ]
        junk += [
            "node_modules/x/y.js",
            ".tox/x",
            ".mypy_cache/x",
            ".idea/x",
            ".vscode/x",
            "x.egg-info/PKG-INFO",
        ]
        junk += [".DS_Store", "app/.ruff_cache/x", ".manage.py.swp", "manage.py~", "env/ca.pem"]
        told = [
            "media/a/b",
            "media/c",
            "var/static/x",
            ".env",
            ".env.local",
            "db.sqlite3",
            "db.sqlite3-journal",
        ]
        told += ["tls.pem", "tls.key", "id_ed25519", ".env.d/x", "old.db"]
        kept = [".env.sample", "mediator/x", "build/x", "env.py", "id_rsa_of.py", ".gitignore"]
        put(folder, dict.fromkeys([*junk, *told, *kept], ""))
        source = find_source(folder, extra_ignores=("media", "./var/static/", "absent"))
        assert paths(source) == sorted([*kept, "app/views.py", "manage.py"])
        names = [".env", ".env.d/", ".env.local", "db.sqlite3", "db.sqlite3-journal", "id_ed25519", "media/"]
        assert source.left_out == (*names, "old.db", "tls.key", "tls.pem", "var/static/")

    def test_leaves_out_an_ignored_link_and_what_is_no_file(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "media").symlink_to("/srv/media")
        os.mkfifo(folder / "pipe")
        monkeypatch.chdir(folder)  # the address of a socket has 107 bytes at most
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("app.sock")
        source = find_source(folder, extra_ignores=("media",))
        assert paths(source) == ["app/views.py", "manage.py"]
        assert source.left_out == ("app.sock", "media", "pipe")

    def test_that_is_not_there_is_refused(self, folder: Path) -> None:
        hint = "Name the folder of manage.py."
        assert refusal(folder / "x") == (f"{str(folder / 'x')!r} is not a folder.", hint)

    def test_without_files_is_refused(self, tmp_path: Path) -> None:
        put(tmp_path, {".env": ""})
        assert refusal(tmp_path) == ("The source has no file.", "Deploy from the folder of manage.py.")

    @pytest.mark.parametrize(
        ("path", "mode", "why"),
        [
            ("app/views.py", 0, "app/views.py"),
            ("app", 0, "app"),
            ("app", 0o644, "app/views.py"),
            (".", 0o111, "."),
        ],
    )
    def test_that_cannot_be_read_is_refused(self, path: str, mode: int, why: str) -> None:
        with tempfile.TemporaryDirectory() as name:
            place = put(Path(name).resolve(), {"manage.py": "", "app/views.py": ""})
            place.chmod(0o755)
            (place / path).chmod(mode)
            with as_nobody():
                found = refusal(place, use_git=False)
            (place / path).chmod(0o700)
        assert found == (
            f"{why!r} cannot be read: Permission denied.",
            "Make it readable for the user who deploys, or move it out of the project.",
        )


class as_nobody:
    """Permissions count for root's tests, too."""

    def __enter__(self) -> None:
        self.user = os.geteuid()
        if self.user == 0:
            os.seteuid(65534)

    def __exit__(self, *error: object) -> None:
        os.seteuid(self.user)


class TestLimits:
    def test_one_file_may_not_be_huge(self, folder: Path) -> None:
        for name, size in (("app/a.bin", 512 * 1024**2 + 1), ("b.bin", 512 * 1024**2 + 2)):
            with (folder / name).open("wb") as file:
                file.truncate(size)  # sparse: takes no space, and is not read
        assert refusal(folder) == (
            "'b.bin' has 536,870,914 bytes. The limit is 536,870,912.",
            "Move it out of the folder that is deployed.",
        )

    @pytest.mark.parametrize("kind", ["tree", "git"])
    def test_there_may_not_be_too_many(self, repository: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "MOST_FILES", 5)
        commit(put(repository, {f"data/{n}/x": "" for n in range(4)}))
        assert refusal(repository, use_git=kind == "git") == (
            "The source has 6 files, 4 of them in 'data'. The limit is 5.",
            "Move it out of the folder that is deployed.",
        )


class TestLinks:
    @pytest.mark.parametrize(
        ("path", "target"),
        [("app/out", "../../x"), ("out", "/etc/passwd"), ("out", ".."), ("out", "app/up/../x")],
    )
    def test_that_lead_out_are_refused(self, repository: Path, path: str, target: str) -> None:
        (repository / "app/up").symlink_to("..")
        (repository / path).symlink_to(target)
        message = f"{path!r} is a link that leads out of the source, to {target!r}."
        hint = f"Put a copy of what it points to in its place, or remove it: rm {path}"
        assert refusals(repository) == {(message, hint)}

    def test_that_lead_to_one_that_leads_out_are_refused_with_it(self, repository: Path) -> None:
        (repository / "there").symlink_to("/srv")
        (repository / "via").symlink_to("there/x")
        assert refusal(commit(repository))[0].startswith("'there' is a link that leads out of the source, ")

    @pytest.mark.parametrize("use_git", [True, False])
    def test_that_stay_inside_are_followed(self, repository: Path, use_git: bool) -> None:
        links = {"a": "app/./", "app/b": "../manage.py", "c": "a/b", "loop": "loop", "dangling": "app/none"}
        for path, target in links.items():
            (repository / path).symlink_to(target)
        source = find_source(commit(repository), use_git=use_git)
        assert source.text("c") == "print(1)\n"
        assert source.text("a/views.py") == "VIEWS = 1\n"
        assert source.text("./app//../manage.py") == "print(1)\n"
        absent = ("loop", "loop/x", "dangling", "app", "", "..", "../x", "none")
        assert [source.text(path) for path in absent] == [None] * len(absent)


class TestText:
    def test_loses_its_byte_order_mark(self, folder: Path) -> None:
        put(folder, {"a.txt": "\ufeffdjango"})
        assert find_source(folder).text("a.txt") == "django"

    def test_of_another_encoding_is_refused(self, folder: Path) -> None:
        put(folder, {"a.txt": "django".encode("utf-16")})
        with pytest.raises(SourceError) as caught:
            find_source(folder).text("a.txt")
        assert (caught.value.message, caught.value.hint) == (
            "'a.txt' is not UTF-8 text.",
            "Save it as UTF-8.",
        )


class TestNames:
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (b"caf\xe9.py", r"The file name b'caf\xe9.py' is not UTF-8."),
            (b"a\nb", r"The file name 'a\nb' has a control character."),
            (b"\x1b[31m", r"The file name '\x1b[31m' has a control character."),
            (b"\xc2\x85", r"The file name '\x85' has a control character."),
        ],
    )
    def test_that_nobody_can_read_are_refused(self, repository: Path, name: bytes, message: str) -> None:
        Path(os.fsdecode(os.fsencode(repository) + b"/" + name)).touch()
        assert refusals(repository) == {(message, "Rename it, or leave it out of the project.")}

    @pytest.mark.parametrize("name", ["..", ".", ".GIT"])
    def test_that_would_leave_the_release_are_refused(self, repository: Path, name: str) -> None:
        commit_names(repository, name.encode())
        message = f"The file name {name!r} is not one that a release may have."
        found = refusal(repository, commit=git(repository, "rev-parse", "HEAD"))
        assert found == (message, "Rename it, or leave it out of the project.")

    def test_of_what_is_left_out_do_not_matter(self, folder: Path) -> None:
        put(folder, {"media/a\nb": "", "venv/\r": ""})
        assert find_source(folder, extra_ignores=("media",)).left_out == ("media/",)

    @settings(max_examples=8)
    @given(
        st.dictionaries(
            st.text(
                st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"),
                min_size=1,
                max_size=20,
            )
            .map(lambda name: f"x{name}x")
            .filter(lambda name: len(name.encode()) < 200),
            st.binary(max_size=50),
            min_size=1,
            max_size=8,
        )
    )
    def test_of_all_other_kinds_come_back_as_they_were(self, files: dict[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as name:
            place = put(Path(name), dict(files))
            assert contents(find_source(place)) == files
            git(place, "init", "-q")
            dirty = find_source(place, allow_dirty=True)
            committed = find_source(commit(place))
            assert contents(committed) == contents(dirty) == files
            assert committed.entries == dirty.entries
