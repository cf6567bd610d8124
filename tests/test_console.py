"""What people see: whole texts compared, on plain streams and on an emulated terminal."""

import io
import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterable

import pytest
from django.core.management.base import OutputWrapper
from hypothesis import given, settings
from hypothesis import strategies as st

from django_selfdeploy.core.actions.files import Link, MakeFolders, Remove
from django_selfdeploy.core.actions.processes import Run
from django_selfdeploy.core.events import (
    Doing,
    Event,
    Finished,
    Live,
    Output,
    Started,
    StepFinished,
    StepStarted,
    Undoing,
    Warned,
)
from django_selfdeploy.core.plan import Plan, Step
from django_selfdeploy.tell.console import Console, print_plan
from django_selfdeploy.tell.lines import KEPT, LONGEST, Lines, fit
from django_selfdeploy.tell.stream import Stream

RELEASE = "20261122-101112-4f2a31c"

STARTED = Started("d1", "deploy", "production", RELEASE)

INSTALLED = (
    StepStarted(1, "stage", "install the environment"),
    Doing(1, "/usr/bin/uv pip sync requirements.txt"),
    Output(1, "Resolved 34 packages\n + django==5.2\n + gun"),
    Output(1, "icorn==23.0\n"),
    StepFinished(1, "install the environment", "done", 1.94, "34 packages"),
)

GOOD = (
    STARTED,
    *INSTALLED,
    StepStarted(2, "switch", "switch"),
    Doing(2, "point /srv/shop/current to releases/2"),
    StepFinished(2, "switch", "done", 0.012),
    Live(RELEASE, 2.08, "http://localhost:8000/"),
    StepStarted(3, "finish", "drain and stop the previous release"),
    Doing(3, "wait until nobody is left in the previous release"),
    StepFinished(3, "drain and stop the previous release", "done", 12.6),
    Finished("succeeded", 9.81),
)

BAD = (
    STARTED,
    *INSTALLED,
    StepStarted(2, "test", "test"),
    Doing(2, "/srv/shop/bin/python manage.py test"),
    Output(2, "".join(f"line {number}\n" for number in range(1, 30)) + "FAILED (errors=1)"),
    StepFinished(2, "test", "failed", 3.2),
    Undoing("The tests fail. `python manage.py test` ended with status 1.\n    FAILED (errors=1)"),
    Doing(1, "remove /srv/shop/envs/ab12"),
    StepFinished(1, "install the environment", "undone", 0.0),
    Warned("Taking back 'x' failed: it is gone.\nSee the journal."),
    Finished("failed", 5.6),
)


def plain(events: Iterable[Event], *, verbosity: int = 1) -> str:
    stream = io.StringIO()
    with Console(stream, verbosity=verbosity) as console:
        for event in events:
            console(event)
    return stream.getvalue()


def bytes_of(events: Iterable[Event], encoding: str) -> bytes:
    raw = io.BytesIO()
    with Console(io.TextIOWrapper(raw, encoding=encoding), verbosity=1) as console:
        for event in events:
            console(event)
        return raw.getvalue()


class TestPlainLines:
    def test_of_a_good_deployment(self) -> None:
        assert plain(GOOD) == (
            "deploying 20261122-101112-4f2a31c to production\n"
            "  ✓ install the environment                 1.9 s   34 packages\n"
            "  ✓ switch                                  0.0 s\n"
            "live after 2.1 s   http://localhost:8000/\n"
            "  ✓ drain and stop the previous release    12.6 s\n"
            "done in 9.8 s\n"
        )

    def test_of_a_failed_one_end_with_what_was_taken_back(self) -> None:
        assert plain(BAD) == (
            "deploying 20261122-101112-4f2a31c to production\n"
            "  ✓ install the environment                 1.9 s   34 packages\n"
            "  ✗ test                                    3.2 s\n"
            + "".join(f"        line {number}\n" for number in range(16, 30))
            + "        FAILED (errors=1)\n"
            "taking back: The tests fail. `python manage.py test` ended with status 1.\n"
            "  ← install the environment\n"
            "warning: Taking back 'x' failed: it is gone.\n"
            "  See the journal.\n"
            "failed after 5.6 s; what was live still is\n"
        )

    def test_show_nothing_at_verbosity_0(self) -> None:
        assert plain(BAD, verbosity=0) == ""

    def test_show_the_actions_at_verbosity_2(self) -> None:
        assert plain(BAD, verbosity=2) == (
            "deploying 20261122-101112-4f2a31c to production\n"
            "    install the environment\n"
            "      $ /usr/bin/uv pip sync requirements.txt\n"
            "  ✓ install the environment                 1.9 s   34 packages\n"
            "    test\n"
            "      $ /srv/shop/bin/python manage.py test\n"
            "  ✗ test                                    3.2 s\n"
            + "".join(f"        line {number}\n" for number in range(16, 30))
            + "        FAILED (errors=1)\n"
            "taking back: The tests fail. `python manage.py test` ended with status 1.\n"
            "    install the environment\n"
            "      - remove /srv/shop/envs/ab12\n"
            "  ← install the environment\n"
            "warning: Taking back 'x' failed: it is gone.\n"
            "  See the journal.\n"
            "failed after 5.6 s; what was live still is\n"
        )

    def test_show_all_output_once_at_verbosity_3(self) -> None:
        assert plain(BAD[:10], verbosity=3) == (
            "deploying 20261122-101112-4f2a31c to production\n"
            "    install the environment\n"
            "      $ /usr/bin/uv pip sync requirements.txt\n"
            "        Resolved 34 packages\n"
            "         + django==5.2\n"
            "         + gunicorn==23.0\n"
            "  ✓ install the environment                 1.9 s   34 packages\n"
            "    test\n"
            "      $ /srv/shop/bin/python manage.py test\n"
            + "".join(f"        line {number}\n" for number in range(1, 30))
            + "        FAILED (errors=1)\n"
            "  ✗ test                                    3.2 s\n"
        )

    def test_have_words_for_marks_where_the_stream_knows_only_ascii(self) -> None:
        started = Started("d1", "rollback", "café", RELEASE)
        assert bytes_of((started, *BAD[1:6], *BAD[9:13]), "ascii").decode("ascii") == (
            "rolling back to 20261122-101112-4f2a31c on caf\\xe9\n"
            "  ok     install the environment                 1.9 s   34 packages\n"
            "  FAILED test                                    3.2 s\n"
            "taking back: The tests fail. `python manage.py test` ended with status 1.\n"
            "  undone install the environment\n"
        )

    def test_are_written_when_their_step_is_over_and_not_later(self) -> None:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="utf-8")
        console = Console(stream, verbosity=1)
        for event in INSTALLED:
            console(event)
        assert raw.getvalue().decode() == ("  ✓ install the environment                 1.9 s   34 packages\n")

    def test_come_through_the_stdout_of_a_command(self) -> None:
        behind = io.StringIO()
        console = Console(OutputWrapper(behind), verbosity=1)
        console(Warned("a"))
        assert behind.getvalue() == "warning: a\n"

    def test_name_the_step_of_which_nobody_heard_the_end(self) -> None:
        times = iter((10.0, 13.5))
        stream = io.StringIO()
        with Console(stream, verbosity=1, clock=lambda: next(times)) as console:
            console(StepStarted(1, "stage", "migrate"))
        assert stream.getvalue() == ("  ? migrate                                 3.5 s   nobody heard how it ended\n")

    def test_ignore_output_between_steps_and_unknown_events(self) -> None:
        assert plain((Output(1, "hello\n"), Event())) == ""

    @pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_are_for_terminals_that_want_them(
        self, terminal: "Terminal", monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, value)
        with Console(terminal, verbosity=1) as console:
            console(Warned("a"))
        assert terminal.getvalue() == "warning: a\n"


@pytest.mark.parametrize(
    ("events", "closing"),
    [
        ((Finished("succeeded", 1),), "done in 1.0 s"),
        ((Finished("failed", 1),), "failed after 1.0 s; what was live still is"),
        ((Live("r", 1, ""), Finished("failed", 1)), "failed after 1.0 s"),
        (
            (Live("r", 1, ""), Finished("switched back", 1)),
            "switched back after 1.0 s, the old release is live",
        ),
        ((Finished("cancelled", 1),), "cancelled after 1.0 s; what was live still is"),
        ((Finished("interrupted", 1),), "interrupted after 1.0 s"),
    ],
)
def test_the_closing_line_claims_only_what_is_true(events: tuple[Event, ...], closing: str) -> None:
    assert plain(events).splitlines()[-1] == closing


@pytest.mark.parametrize(
    ("started", "line"),
    [
        (Started("d", "deploy", "", "r1"), "deploying r1\n"),
        (Started("d", "rollback", "default", "r1"), "rolling back to r1 on default\n"),
        (Started("d", "restart", "default", "r1"), "restart of r1 on default\n"),
    ],
)
def test_the_first_line_says_what_is_done(started: Started, line: str) -> None:
    assert plain((started,)) == line


# streams that misbehave


def test_a_reader_that_left_does_not_disturb_the_deployment() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = open(writing, "w", encoding="utf-8")
    with Console(stream, verbosity=1) as console:
        for event in GOOD:
            console(event)
    stream.write("what the command itself says afterwards")
    stream.close()


def test_a_closed_stream_does_not_disturb_the_deployment() -> None:
    stream = io.StringIO()
    stream.close()
    with Console(stream, verbosity=1) as console:
        for event in GOOD:
            console(event)


def test_a_full_disk_does_not_disturb_the_deployment() -> None:
    with open("/dev/full", "w", encoding="utf-8") as stream:
        out = Stream(stream)
        out.write("a")
        out.flush()
        out.write("b")
        out.flush()
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())  # or closing it would fail


# output of strangers

ANY_TEXT = st.text(st.characters())
OUTPUT = st.lists(ANY_TEXT | st.text(st.sampled_from("ab\r\n\t\x1b[2J\b")), max_size=5)


def story(pieces: list[str]) -> tuple[Event, ...]:
    every = "".join(pieces)
    return (
        Started(every, every, every, every),
        StepStarted(1, every, every),
        Doing(1, every),
        *(Output(1, piece) for piece in pieces),
        StepFinished(1, every, "failed", 1.0, every),
        Live(every, 1.0, every),
        Undoing(every),
        Warned(every),
        Finished(every, 1.0),
    )


def controls(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in ("Cc", "Cs")}


@settings(max_examples=60)
@given(OUTPUT, st.sampled_from((1, 2, 3)))
def test_no_text_raises_or_moves_the_cursor_of_a_plain_stream(pieces: list[str], verbosity: int) -> None:
    assert controls(plain(story(pieces), verbosity=verbosity)) <= {"\n"}


@settings(max_examples=40)
@given(OUTPUT, st.sampled_from(("ascii", "latin-1", "cp1252", "utf-8", "utf-16")))
def test_no_text_is_too_much_for_an_encoding(pieces: list[str], encoding: str) -> None:
    assert controls(bytes_of(story(pieces), encoding).decode(encoding)) <= {"\n"}


@settings(max_examples=60)
@given(OUTPUT)
def test_lines_are_the_same_however_the_output_is_cut(pieces: list[str]) -> None:
    cut, whole = Lines(), Lines()
    for piece in pieces:
        cut.add(piece)
    whole.add("".join(pieces))
    assert cut.last() == whole.last()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("10 %\r50 %\r100 %", "100 %"),
        ("10 %\r50 %\r", "50 %"),
        ("unix\r", "unix"),
        ("a\tb", "a       b"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\u202egnp.exe", "\\x202egnp.exe"),
    ],
)
def test_a_line_is_shown_as_a_terminal_would_show_it_in_the_end(written: str, shown: str) -> None:
    assert fit(written) == shown


def test_an_endless_line_takes_no_endless_memory() -> None:
    lines = Lines()
    for _ in range(100):
        lines.add("x" * 1000)
    assert lines.last() == ["x" * LONGEST]


def test_only_the_last_lines_are_kept() -> None:
    lines = Lines()
    for number in range(100):
        lines.add(f"{number}\n")
    assert lines.last() == [str(number) for number in range(100 - KEPT, 100)]


# the terminal


class Terminal(io.StringIO):
    """A terminal that knows what rich uses of it: return, erase line, cursor up; colours it drops."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        rows, row, column = [""], 0, 0
        for control, text in re.findall(r"(\x1b\[[?\d;]*[A-Za-z]|\r|\n)|([^\x1b\r\n]+)", self.getvalue()):
            if control == "\n":
                row, column = row + 1, 0
                rows += [""] * (row + 1 - len(rows))
            elif control == "\r":
                column = 0
            elif control == "\x1b[2K":
                rows[row] = ""
            elif control.endswith("A"):
                row -= int(control[2:-1])
            elif text:
                rows[row] = f"{rows[row][:column]:{column}}{text}{rows[row][column + len(text) :]}"
                column += len(text)
            else:
                assert control.endswith(("m", "h", "l")), control
        return [line.rstrip() for line in rows]

    def text(self) -> str:
        return "\n".join(self.lines()).rstrip("\n") + "\n"

    def shows(self, text: str, *, within: float = 20.0) -> bool:
        """Whether the screen is, or becomes, exactly `text`."""
        return eventually(lambda: self.text() == text, within)


class AsciiTerminal(Terminal):
    encoding = "ascii"


def eventually(true: Callable[[], bool], within: float) -> bool:
    deadline = time.monotonic() + within
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "25")
    return Terminal()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestTerminal:
    @pytest.mark.parametrize("events", [GOOD, BAD], ids=["good", "bad"])
    @pytest.mark.parametrize("verbosity", [1, 2, 3])
    def test_shows_in_the_end_what_a_plain_stream_does(
        self, terminal: Terminal, events: tuple[Event, ...], verbosity: int
    ) -> None:
        with Console(terminal, verbosity=verbosity) as console:
            for event in events:
                console(event)
        assert terminal.text() == plain(events, verbosity=verbosity)

    def test_shows_the_step_being_done_and_its_output_when_it_takes_long(self, terminal: Terminal) -> None:
        clock = Clock()
        with Console(terminal, verbosity=1, clock=clock) as console:
            console(STARTED)
            console(StepStarted(1, "stage", "install the environment"))
            assert terminal.shows(
                "deploying 20261122-101112-4f2a31c to production\n  ⠋ install the environment                 0.0 s\n"
            )
            console(Doing(1, "/usr/bin/uv pip sync requirements.txt"))
            clock.now = 1.1
            assert terminal.shows(
                "deploying 20261122-101112-4f2a31c to production\n"
                "  ⠙ install the environment                 1.1 s\n"
                "      $ /usr/bin/uv pip sync requirements.txt\n"
            )
            console(Output(1, "".join(f"\x1b[32mpackage\t{number}\n" for number in range(10)) + "x" * 70))
            assert terminal.shows(
                "deploying 20261122-101112-4f2a31c to production\n"
                "  ⠙ install the environment                 1.1 s\n"
                + "".join(f"        package {number}\n" for number in range(5, 10))
                + f"        {'x' * 51}…\n"
            )
            console(Warned("careful"))
            console(StepFinished(1, "install the environment", "done", 1.2))
            assert terminal.text() == (
                "deploying 20261122-101112-4f2a31c to production\n"
                "warning: careful\n"
                "  ✓ install the environment                 1.2 s\n"
            )

    def test_that_knows_only_ascii_gets_lines_no_longer_than_it_is_wide(self, terminal: Terminal) -> None:
        screen, clock = AsciiTerminal(), Clock()
        with Console(screen, verbosity=1, clock=clock) as console:
            console(StepStarted(1, "stage", "install the environment"))
            clock.now = 1.5
            console(Output(1, "é" * 40))
            assert screen.shows(
                "  \\      install the environment                 1.5 s\n             " + r"\xe9" * 11 + "\\xe\n"
            )

    def test_shows_what_is_being_taken_back(self, terminal: Terminal) -> None:
        with Console(terminal, verbosity=1, clock=Clock()) as console:
            for event in BAD[:-3]:
                console(event)
            assert eventually(
                lambda: terminal.lines()[-1] == "  ⠋ install the environment                 0.0 s", within=20.0
            )

    def test_is_given_back_with_its_cursor_when_the_deployment_breaks_off(self, terminal: Terminal) -> None:
        def break_off() -> None:
            with Console(terminal, verbosity=1, clock=Clock()) as console:
                console(INSTALLED[0])
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            break_off()
        assert terminal.text() == ("  ? install the environment                 0.0 s   nobody heard how it ended\n")
        assert re.findall(r"\x1b\[\?25[lh]", terminal.getvalue()) == ["\x1b[?25l", "\x1b[?25h"]

    def test_leaves_the_breaking_of_long_lines_to_the_terminal(self, terminal: Terminal) -> None:
        with Console(terminal, verbosity=1) as console:
            console(Warned("x" * 100))
        assert terminal.text() == f"warning: {'x' * 100}\n"

    @settings(max_examples=15)
    @given(OUTPUT)
    def test_is_moved_by_no_text(self, pieces: list[str]) -> None:
        screen, clock = Terminal(), Clock()
        with Console(screen, verbosity=3, colour=True, clock=clock) as console:
            for event in story(pieces):
                console(event)
                clock.now += 2
        own = re.compile(r"\x1b\[(2K|\d+A|\?25[hl]|[\d;]*m)")
        assert controls(own.sub("", screen.getvalue())) <= {"\n", "\r"}


def test_colours_asked_for_reach_a_file_but_nothing_moves_there() -> None:
    stream = io.StringIO()
    with Console(stream, verbosity=1, colour=True) as console:
        for event in INSTALLED:
            console(event)
    assert set(re.findall(r"\x1b\[[^a-zA-Z]*([a-zA-Z])", stream.getvalue())) == {"m"}
    assert "\r" not in stream.getvalue()


def test_colours_refused_are_not_on_a_terminal_either(terminal: Terminal) -> None:
    with Console(terminal, verbosity=1, colour=False) as console:
        for event in GOOD:
            console(event)
    assert terminal.getvalue() == plain(GOOD)


# the dry run

PLAN = Plan(
    "deploy",
    "production",
    RELEASE,
    (
        Step("stage", "lay the source down", (MakeFolders(("/srv/a", "/srv/b")),), undo=(Remove(("/srv/a",)),)),
        Step("stage", "install the environment", (Run(("/usr/bin/uv", "venv", "a b")),)),
        Step(
            "switch",
            "switch",
            (Link("/srv/current", "releases/2"),),
            undo=(Link("/srv/current", "releases/1"),),
        ),
    ),
)


def printed(plan: Plan, *, verbosity: int) -> str:
    stream = io.StringIO()
    print_plan(plan, stream, verbosity=verbosity)
    return stream.getvalue()


class TestPlan:
    def test_is_phases_numbered_steps_and_their_actions(self) -> None:
        assert printed(PLAN, verbosity=1) == (
            "deploy of 20261122-101112-4f2a31c on production: 3 steps\n"
            "\n"
            "stage\n"
            "   1. lay the source down\n"
            "      - make /srv/a, /srv/b\n"
            "   2. install the environment\n"
            "      $ /usr/bin/uv venv 'a b'\n"
            "\n"
            "switch\n"
            "   3. switch\n"
            "      - point /srv/current to releases/2\n"
        )

    def test_is_shown_with_its_undo_at_verbosity_2(self) -> None:
        assert printed(PLAN, verbosity=2) == (
            "deploy of 20261122-101112-4f2a31c on production: 3 steps\n"
            "\n"
            "stage\n"
            "   1. lay the source down\n"
            "      - make /srv/a, /srv/b\n"
            "      to take it back:\n"
            "        - remove /srv/a\n"
            "   2. install the environment\n"
            "      $ /usr/bin/uv venv 'a b'\n"
            "\n"
            "switch\n"
            "   3. switch\n"
            "      - point /srv/current to releases/2\n"
            "      to take it back:\n"
            "        - point /srv/current to releases/1\n"
        )

    def test_is_only_its_steps_at_verbosity_0(self) -> None:
        assert printed(Plan("restart", "", "r1", PLAN.steps[2:]), verbosity=0) == (
            "restart of r1: 1 step\n\nswitch\n   1. switch\n"
        )

    def test_is_the_same_on_a_terminal(self, terminal: Terminal) -> None:
        print_plan(PLAN, terminal, verbosity=2)
        assert terminal.text() == printed(PLAN, verbosity=2)
