"""Records travel as JSON and come back equal; secrets travel only to a runner."""

import dataclasses
import importlib
import json
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_selfdeploy import core
from django_selfdeploy.core import codec, records
from django_selfdeploy.core.actions.base import Action
from django_selfdeploy.core.actions.files import MakeFolders, Write
from django_selfdeploy.core.events import Event
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.plan import Failure
from django_selfdeploy.core.secret import MASK, Secret

NEVER_TRAVEL = {"Usage", "Answer", "Finding", "Queue", "Frame", "Database", "Stored", "Seen"}
"""Data classes of core/ that stay in their process."""


def modules() -> list[Any]:
    names = [info.name for info in pkgutil.walk_packages(core.__path__, f"{core.__name__}.")]
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


def dataclasses_of_core() -> dict[str, type]:
    found = {}
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__:
                found[value.__name__] = value
    return found


records.load()
RECORDS = {name: kind for name, kind in codec._known.items() if kind.__module__.startswith(core.__name__)}
CONCRETE = [kind for kind in RECORDS.values() if issubclass(kind, Action)]

words = st.text(max_size=8)
keys = st.text("abcdefgh_", min_size=1, max_size=4)
numbers = st.integers(-(2**53), 2**53)
fractions = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(words | numbers | st.none() | st.booleans(), lambda inner: st.tuples(inner), max_leaves=3)


def values(kind: Any, depth: int) -> st.SearchStrategy[Any]:
    """Values of a type as it stands in the field of a record."""
    simple = {str: words, int: numbers, float: fractions, bool: st.booleans(), Secret: st.builds(Secret, words)}
    if kind in simple:
        return simple[kind]
    if kind is Action:
        return st.sampled_from(CONCRETE).flatmap(lambda one: built(one, depth))
    if dataclasses.is_dataclass(kind):
        return built(kind, depth)
    if kind is type(None) or kind is None:
        return st.none()
    if getattr(kind, "__origin__", None) is dict:
        return st.dictionaries(keys, values(kind.__args__[1], depth), max_size=2)
    if getattr(kind, "__origin__", None) is tuple:
        return tuples(get_args(kind), depth)
    return st.one_of([values(one, depth) for one in get_args(kind)])


def tuples(kinds: tuple[Any, ...], depth: int) -> st.SearchStrategy[Any]:
    if Ellipsis not in kinds:
        return st.tuples(*(values(one, depth) for one in kinds))
    return st.lists(values(kinds[0], depth - 1), max_size=2 if depth > 0 else 0).map(tuple)


def built(kind: Any, depth: int) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{f.name: values(hints[f.name], depth) for f in dataclasses.fields(kind)})


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_record_comes_back_equal(name: str) -> None:
    @settings(max_examples=5, database=None)
    @given(built(RECORDS[name], 2))
    def comes_back(record: Any) -> None:
        assert codec.loads(codec.dumps(record, reveal=True)) == record
        assert codec.loads(codec.dumps(record, reveal=True, indent=1)) == record

    comes_back()


@settings(max_examples=30)
@given(plain, st.dictionaries(keys, plain, max_size=3))
def test_plain_values_come_back_equal(value: Any, more: dict[str, Any]) -> None:
    assert codec.loads(codec.dumps((value, more))) == (value, more)


def test_every_action_event_and_record_is_registered_and_loaded_by_a_runner() -> None:
    wanted = {name for name in dataclasses_of_core() if name not in NEVER_TRAVEL | {"Action", "Event", "Prepare"}}
    code = "import sys; sys.path.insert(0, sys.argv[1]); from core import codec, records; print(*codec._known)"
    package = str(Path(core.__path__[0]).parent)
    done = subprocess.run((sys.executable, "-I", "-S", "-c", code, package), capture_output=True, text=True)
    assert (set(done.stdout.split()), done.stderr) == (wanted, "")


def test_every_action_and_event_is_frozen() -> None:
    kinds = [kind for kind in dataclasses_of_core().values() if issubclass(kind, (Action, Event))]
    assert [kind.__name__ for kind in kinds if not kind.__dataclass_params__.frozen] == []  # type: ignore[attr-defined]


def test_secrets_are_masked_unless_they_go_to_a_runner() -> None:
    write = Write("/etc/x", Secret("hunter2"), 0o600)
    masked = codec.dumps(write)
    assert json.loads(masked) == {"$": "Write", "path": "/etc/x", "text": MASK, "mode": 0o600}
    assert "hunter2" in codec.dumps(write, reveal=True)
    assert codec.loads(codec.dumps({"a": [Secret("x")]}, reveal=True)) == {"a": (Secret("x"),)}


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("hunter2")
    assert (str(secret), repr(secret), f"{secret}", f"{[secret]}") == (MASK, f"Secret('{MASK}')", MASK, f"[{secret!r}]")
    assert (secret == Secret("hunter2"), secret == "hunter2", hash(secret) == hash(Secret("hunter2"))) == (
        True,
        False,
        True,
    )
    with pytest.raises(TypeError, match=r"A Secret is not pickled: it would be written in the clear\."):
        pickle.dumps(secret)


def test_a_field_that_is_not_known_here_is_left_out() -> None:
    text = '{"$": "Failure", "error": "HostError", "message": "It fails.", "since": "version 9"}'
    assert codec.loads(text) == Failure("HostError", "It fails.")


def test_a_record_that_is_not_known_here_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'os\.system' is not a known record\."):
        codec.loads('{"$": "os.system", "command": "id"}')


def test_two_records_of_one_name_are_refused() -> None:
    class Layout:
        """A second one."""

    with pytest.raises(ValueError, match=r"Two records are called 'Layout'\."):
        codec.record(Layout)


def test_text_for_people_is_sorted_and_indented() -> None:
    assert codec.dumps(Layout("/srv/ü"), indent=1) == '{\n "$": "Layout",\n "root": "/srv/ü"\n}'
    assert codec.dumps(MakeFolders(("/a",))) == '{"$": "MakeFolders", "paths": ["/a"], "mode": 493}'
