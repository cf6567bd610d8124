"""The Django process of a release: started once, asked several times (see project/agent.py for its side)."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from .actions.base import ActionFailed, World
from .children import end_group, surroundings
from .codec import record
from .errors import Cancelled
from .text import Tail

ANSWERS = "{answers}"
"""Stands in the words of the command for the number of the descriptor on which the agent answers."""


@record
@dataclass(frozen=True)
class AgentSpec:
    """How the Django process of a release is started. `environment` holds pairs and no secrets."""

    argv: tuple[str, ...]
    cwd: str
    environment: tuple[tuple[str, str], ...] = ()


class Agent:
    """A running Django process that answers questions one at a time."""

    def __init__(self, world: World, spec: AgentSpec) -> None:
        self._world = world
        reading, writing = os.pipe()
        handles = (writing,) if world.lock_handle is None else (writing, world.lock_handle)
        try:
            self._child = subprocess.Popen(
                tuple(str(writing) if word == ANSWERS else word for word in spec.argv),
                cwd=spec.cwd,
                env=surroundings(world, dict(spec.environment)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=handles,
            )
        except OSError as error:
            os.close(reading)
            raise ActionFailed(f"{spec.argv[0]!r} cannot be run: {error.strerror}.") from error
        finally:
            os.close(writing)
        self._answers = reading
        self._received = b""

    @property
    def ended(self) -> bool:
        """Whether it was ended, and can be asked nothing more."""
        return self._answers < 0

    def ask(self, question: str, arguments: dict[str, Any], *, timeout: float, quiet: bool) -> Any:
        """The agent's answer. Raises ActionFailed, with the last output, when it fails or says nothing."""
        tail = Tail()
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps({"question": question, **arguments}).encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: what it wrote before says why
        line = self._next_line(tail, time.monotonic() + timeout, quiet)
        if line is None:
            self.end()
            raise ActionFailed(f"The Django process of the release ended.{_indented(str(tail))}")
        answer = json.loads(line)
        if "error" in answer:
            raise ActionFailed(f"{answer['error']}{_told(answer, str(tail))}")
        return answer["answer"]

    def _next_line(self, tail: Tail, deadline: float, quiet: bool) -> bytes | None:
        assert self._child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ, "output")
            selector.register(self._answers, selectors.EVENT_READ, "answers")
            while b"\n" not in self._received:
                if self._world.cancelled():
                    self.end()
                    raise Cancelled("The deployment was called off.")
                if time.monotonic() > deadline:
                    self.end()
                    raise ActionFailed("The Django process took too long and was ended.")
                for key, _ in selector.select(0.05):
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.data == "answers":
                        self._received += data
                    else:
                        self._heard(data, tail, quiet)
                if not selector.get_map():
                    return None
            self._drain_output(selector, tail, quiet)
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _drain_output(self, selector: selectors.BaseSelector, tail: Tail, quiet: bool) -> None:
        """What was written before the answer, and has arrived, belongs to this question."""
        for key, _ in selector.select(0):
            if key.data == "output" and (data := os.read(key.fd, 1 << 16)):
                self._heard(data, tail, quiet)

    def _heard(self, data: bytes, tail: Tail, quiet: bool) -> None:
        text = data.decode("utf-8", "replace")
        tail.add(text)
        if not quiet:
            self._world.tell(text)

    def end(self) -> None:
        """Let it end by closing its input; TERM and KILL follow if it does not."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        try:
            self._child.wait(0.2)
        except subprocess.TimeoutExpired:
            end_group(self._child)
        assert self._child.stdout is not None
        self._child.stdout.close()
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1


def _told(answer: dict[str, Any], tail: str) -> str:
    """What follows the sentence: what to do, where the agent knows, else what was written last."""
    return f"\n{answer['hint']}" if answer.get("hint") else _indented(answer.get("output") or tail)


def _indented(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()][-15:]
    return "".join(f"\n    {line}" for line in lines)
