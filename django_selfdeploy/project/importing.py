"""Importing a project's settings in a release: watched where the deployer asks, plainly everywhere else."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from .contract import Contract
from .culprit import Problem
from .observing import Recorder
from .trial import everything

ONLY, EARLY = "SELFDEPLOY_ONLY_CONTRACT", "early"
"""A variable that says that nothing but the contract is wanted. With the value EARLY the files that a build makes are
not there yet, so settings may fail for anything but a variable.
"""

LACKS, MISTYPED = "selfdeploy.E050", "selfdeploy.E051"
TO_DO = (
    "Mend the settings, or set the variables in the target's environment file (`manage.py deploy_env set NAME=VALUE` "
    "does it); then deploy again."
)
_observed: Contract | None = None


def contract() -> Contract:
    """What was recorded when the settings of this process were imported; empty where nobody watched."""
    return _observed or Contract()


def note() -> dict[str, str]:
    """The note of a step that had the settings imported."""
    count = len(contract().variables)
    return {"note": "1 variable read" if count == 1 else f"{count} variables read"}


def imported(name: str) -> ModuleType:
    """The settings module `name`.

    In a process that answers the deployer the readings of the environment are recorded. Where the settings fail for
    a variable, that is the answer to whatever is asked first, and the process ends.
    """
    answers = _answers()
    if answers is None:
        return import_module(name)
    global _observed  # noqa: PLW0603 - a process imports its settings once
    with Recorder(code=os.environ["SELFDEPLOY_CODE"], project=os.environ["SELFDEPLOY_PROJECT"]) as recorder:
        module, failure = _tried(name)
        if failure:
            _tell_why(failure, recorder, answers, name)
            if os.environ.get(ONLY) != EARLY:
                raise failure
    _observed = recorder.contract
    if ONLY in os.environ:
        _reply(answers, {"answer": {"contract": _observed.to_json(), **note()}})
        sys.exit(0)
    assert module is not None, "settings are imported, or they fail"
    return module


def _tried(name: str) -> tuple[ModuleType | None, Exception | None]:
    """The module, or why there is none: an import within an `except` would have that error in its own."""
    try:
        return import_module(name), None
    except Exception as error:  # noqa: BLE001 - it is raised again, or told
        return None, error


def _tell_why(failure: Exception, recorder: Recorder, answers: int, name: str) -> None:
    """Tell the deployer and end, where the settings fail for variables."""
    tried = everything(recorder, failure, lambda: import_module(name))
    if tried:
        _reply(answers, {"error": refusal(tried.problems), "contract": tried.contract.to_json()})
        sys.exit(1)


def _answers() -> int | None:
    """The descriptor of the deployer, in a process that answers it."""
    if sys.argv[1:2] != ["selfdeploy_agent"] or not sys.argv[2:3] or not sys.argv[2].isdigit():
        return None
    return int(sys.argv[2])


def _reply(answers: int, reply: dict[str, Any]) -> None:
    os.write(answers, json.dumps(reply).encode() + b"\n")


def refusal(problems: tuple[Problem, ...]) -> str:
    """The message where settings fail for variables: all of them, without any value."""
    lacking = [one for one in problems if not (one.mistyped or one.dangling)]
    others = [one for one in problems if one not in lacking]
    return " ".join((*_lacking(lacking), *map(_mistyped, others)))


def _lacking(found: list[Problem]) -> list[str]:
    if not found:
        return []
    named = [f"{one.name!r} ({one.where})" for one in found]
    if len(found) == 1:
        return [f"({LACKS}) The settings want the variable {named[0]}, which the target's environment lacks."]
    count = f"The settings want {len(found)} variables that the target's environment lacks"
    return [f"({LACKS}) {count}: {', '.join(named)}."]


def _mistyped(one: Problem) -> str:
    if one.dangling:
        what = "begins with `$`, so that it is taken for the name of another variable, which there is not"
    else:
        what = f"is not what the settings want: {one.raised}" if one.cast == "str" else f"is no {one.cast}"
    return f"({MISTYPED}) The value of the variable {one.name!r} ({one.where}) {what}."
