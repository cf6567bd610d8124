"""The Django process of a release answers one question after another, and its end is told with its last words."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import children
from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.django import Ask
from django_selfdeploy.core.agent import ANSWERS, Agent, AgentSpec
from django_selfdeploy.core.errors import Cancelled
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.lock import Lock
from django_selfdeploy.core.session import Session
from django_selfdeploy.hosts.memory import DEPLOYMENT, MemoryWorld

SCRIPT = """
import json, os, sys, time
answers = os.fdopen(int(sys.argv[1]), "w", buffering=1)
for line in sys.stdin:
    asked = json.loads(line)
    question = asked["question"]
    if question == "say":
        print(asked["text"], flush=True)
        print("to stderr", file=sys.stderr, flush=True)
        answers.write(json.dumps({"answer": {"said": asked["text"], "note": "1 line"}}) + "\\n")
    elif question == "environment":
        answers.write(json.dumps({"answer": dict(os.environ)}) + "\\n")
    elif question == "fail":
        answers.write(json.dumps({"error": "KeyError: 'x'", "output": "Traceback\\n  in models.py\\n"}) + "\\n")
    elif question == "grumble":
        print("the reason", flush=True)
        answers.write(json.dumps({"error": "It fails."}) + "\\n")
    elif question == "die":
        print("Segmentation fault", flush=True)
        os._exit(1)
    elif question == "hang":
        time.sleep(60)
"""


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


@pytest.fixture
def agent(world: MemoryWorld, tmp_path: Path) -> Iterator[Agent]:
    made = Agent(world, spec(tmp_path))
    yield made
    made.end()


def spec(tmp_path: Path) -> AgentSpec:
    (tmp_path / "agent.py").write_text(SCRIPT)
    return AgentSpec((sys.executable, "agent.py", ANSWERS), str(tmp_path), (("LANGUAGE", "de"),))


def ask(agent: Agent, question: str, *, timeout: float = 10.0, quiet: bool = False, **arguments: Any) -> Any:
    return agent.ask(question, arguments, timeout=timeout, quiet=quiet)


def failed(agent: Agent, question: str, **more: Any) -> str:
    with pytest.raises(ActionFailed) as caught:
        ask(agent, question, **more)
    return str(caught.value)


def test_one_process_answers_several_questions(agent: Agent, world: MemoryWorld) -> None:
    for text in ("first", "second"):
        assert ask(agent, "say", text=text) == {"said": text, "note": "1 line"}
    assert "".join(world.told) == "first\nto stderr\nsecond\nto stderr\n"


def test_a_quiet_question_is_not_heard(agent: Agent, world: MemoryWorld) -> None:
    ask(agent, "say", text="first", quiet=True)
    assert world.told == []


def test_it_knows_its_deployment_and_nothing_of_the_controllers(
    world: MemoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "the-controllers")
    made = Agent(world, spec(tmp_path))
    found = ask(made, "environment")
    made.end()
    assert (found["LANGUAGE"], found[children.MARK], "SECRET_KEY" in found) == ("de", DEPLOYMENT, False)


def test_an_error_is_told_with_its_last_lines(agent: Agent) -> None:
    assert failed(agent, "fail") == "KeyError: 'x'\n    Traceback\n      in models.py"
    assert failed(agent, "grumble") == "It fails.\n    the reason"
    assert ask(agent, "say", text="still there")["said"] == "still there"


def test_one_that_dies_is_told_with_its_last_words(agent: Agent) -> None:
    assert failed(agent, "die") == "The Django process of the release ended.\n    Segmentation fault"
    assert agent.ended


def test_a_session_starts_another_one_in_its_place(tmp_path: Path) -> None:
    """The record is written by the same process, whatever became of it before."""
    session = Session(
        deployment=DEPLOYMENT,
        listener=lambda event: None,
        journal=None,
        lock=Lock(Layout(str(tmp_path))),
        fetch=lambda wanted: iter(()),
        began=0.0,
    )
    wanted = spec(tmp_path)
    assert failed(session.agent(wanted), "die").startswith("The Django process")
    assert ask(session.agent(wanted), "say", text="alive")["said"] == "alive"
    assert session.agent(wanted) is session.agent(wanted)
    session.end_agents()


def test_one_that_takes_too_long_is_ended(agent: Agent) -> None:
    assert failed(agent, "hang", timeout=0.1) == "The Django process took too long and was ended."


def test_one_that_is_called_off_is_ended(agent: Agent, world: MemoryWorld) -> None:
    world.called_off = True
    with pytest.raises(Cancelled, match=r"^The deployment was called off\.$"):
        ask(agent, "hang")


def test_one_that_cannot_be_started_is_named(world: MemoryWorld, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ActionFailed) as caught:
        Agent(world, AgentSpec(("/nowhere/python",), str(tmp_path)))
    assert str(caught.value) == "'/nowhere/python' cannot be run: No such file or directory."
    assert len(os.listdir("/proc/self/fd")) == before


def test_it_ends_soon_and_leaves_nothing_open(world: MemoryWorld, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    made = Agent(world, spec(tmp_path))
    ask(made, "say", text="x")
    began = time.monotonic()
    made.end()
    made.end()
    assert time.monotonic() - began < 3
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_question_of_a_plan_keeps_its_answer_and_leaves_a_note(world: MemoryWorld) -> None:
    world.questions.update({"facts": {"note": "3 pages", "pages": 3}, "bare": 7})
    action = Ask(AgentSpec(("python",), "/srv/release"), "facts", json.dumps({"sql": True}))
    action.do(world)
    Ask(action.agent, "bare").do(world)
    assert world.answers == {"facts": {"note": "3 pages", "pages": 3}, "bare": 7}
    assert (world.asked, world.notes) == ([("facts", {"sql": True}), ("bare", {})], ["3 pages"])
    assert action.describe() == "ask Django in /srv/release: facts"
