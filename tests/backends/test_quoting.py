"""Whatever a filter lets through is read back as it was; what could be taken for more is refused."""

import io
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from supervisor.options import UnhosedConfigParser, expand

from django_selfdeploy.backends import quoting
from django_selfdeploy.core import http
from django_selfdeploy.core.errors import ConfigError

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
nasty = st.text(" \t\n\r;#%'\"\\$`{}()[]=:,*~^-aä\u0085\u00a0\u2028", max_size=12)
values = texts | nasty

CONTROL = ["a\nb", "a\r\n[program:x]", "a\0b", "\x1b[31m", "a\tb", "a\x7f"]


def read_back(text: str) -> str:
    """What supervisor reads, with its own parser, from a line of its configuration."""
    parser = UnhosedConfigParser()
    parser.read_file(io.StringIO(f"[program:x]\ncommand={text}\ndirectory=/after\n"))
    assert (parser.sections(), dict(parser["program:x"])["directory"]) == (["program:x"], "/after")
    return str(expand(parser.get("program:x", "command"), {"ENV_SECRET": "leaked"}, "x"))


@settings(max_examples=60)
@given(values)
@example("100%")
@example("%(ENV_SECRET)s")
@example("a;b#c")
def test_supervisor_reads_a_value_as_it_was(value: str) -> None:
    try:
        written = quoting.supervisor(value)
    except ConfigError:
        assume(False)
    assert read_back(written) == value.strip()


@settings(max_examples=60)
@given(st.lists(values, min_size=1, max_size=4))
@example(["python", "-c", "print(1); print('x')"])
@example(["", "a b", "100%", "\\", "$HOME", "{x}", "*", "~"])
@example(["celery", "--hostname=w1@%h"])
def test_supervisor_splits_a_command_into_its_words(words: list[str]) -> None:
    try:
        written = quoting.words(words)
    except ConfigError:
        assume(False)
    assert shlex.split(read_back(written)) == words


@pytest.mark.parametrize("value", [*CONTROL[:4], "a ;b", "a #b", "a\u00a0;b", "a\u2028#b", 'a"b'])
def test_what_supervisor_would_cut_off_is_refused(value: str) -> None:
    with pytest.raises(ConfigError):
        quoting.supervisor(value)


@pytest.mark.parametrize("word", [*CONTROL, "a ;b", "a #b", "it's", "a\u00a0;b"])
def test_a_word_that_cannot_be_quoted_for_supervisor_is_refused(word: str) -> None:
    with pytest.raises(ConfigError):
        quoting.words(["python", word])


def refused(quote: str, value: object) -> tuple[str, str, int]:
    with pytest.raises(ConfigError) as caught:
        getattr(quoting, quote)(value)
    return caught.value.message, caught.value.hint, caught.value.exit_code


def test_every_refusal_names_the_value_and_what_to_do() -> None:
    control = "Take the line breaks and control characters out of it."
    assert refused("nginx", "a\nb") == (
        "The value 'a\\nb' cannot be written into a file for nginx.",
        control,
        3,
    )
    assert refused("nginx", "a$b") == (
        "The value 'a$b' holds a `$`, which nginx takes for a variable.",
        "Rename it.",
        3,
    )
    assert refused("supervisor", "a\nb")[0] == "The value 'a\\nb' cannot be written into a file for supervisor."
    assert refused("supervisor", "a ;b") == (
        "The value 'a ;b' holds a comment or a quote, which supervisor cuts off.",
        "Rename it.",
        3,
    )
    assert refused("words", ["it's"]) == (
        'The word "it\'s" of a command cannot be quoted for supervisor.',
        "Put the command into a script of the project.",
        3,
    )


@settings(max_examples=50)
@given(st.text() | st.integers() | st.tuples(st.text(), st.integers()))
def test_a_literal_of_python_is_read_back(value: object) -> None:
    assert eval(quoting.python(value), {}) == value


@pytest.mark.parametrize("value", [*CONTROL, "$uri", "a$", "${x}"])
def test_what_nginx_would_take_for_more_is_refused(value: str) -> None:
    with pytest.raises(ConfigError):
        quoting.nginx(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/srv/my-site/current", "/srv/my-site/current"),
        ("example.com", "example.com"),
        ("20m", "20m"),
        ("", '""'),
        ("a b", '"a b"'),
        ("a;b", '"a;b"'),
        ("a{b}", '"a{b}"'),
        ("#a", '"#a"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("it's", '"it\'s"'),
        ("bücher", '"bücher"'),
        (8000, "8000"),
    ],
)
def test_nginx_gets_a_word_quoted_where_it_needs_to_be(value: object, expected: str) -> None:
    assert quoting.nginx(value) == expected


PRINTABLE = [chr(code) for code in range(32, 127) if chr(code) != "$"]
READ_BACK = [
    *(f"a{character}b" for character in PRINTABLE),
    *(character for character in PRINTABLE),
    *(f"{one}{two}" for one in "\\\"'{};# " for two in "\\\"'{};# n"),
    "",
    "\\n\\t\\r",
    "; return 500; #",
    '" ; return 500; "',
    "bücher/\u2028/日本",
]


@contextmanager
def nginx(folder: Path, conf: str) -> Iterator[str]:
    """The address of an nginx with this configuration, in one process that ends with the block."""
    (folder / "nginx.conf").write_text(conf)
    words = ("nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf")
    with subprocess.Popen((*words, "-g", "daemon off; master_process off;"), stderr=subprocess.PIPE) as process:
        try:
            while not (folder / "nginx.sock").exists():
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                time.sleep(0.005)
            yield f"unix:{folder}/nginx.sock"
        finally:
            process.terminate()


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not here")
def test_nginx_reads_every_value_as_it_was(tmp_path: Path) -> None:
    rows = [f"location = /{number} {{ return 200 {quoting.nginx(text)}; }}" for number, text in enumerate(READ_BACK)]
    places = "".join(f"{kind}_temp_path temp;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    server = "\n".join(("server {", "listen unix:nginx.sock;", *rows, "location / { return 404; }", "}"))
    conf = f"pid nginx.pid;\nerror_log error.log;\nevents {{}}\nhttp {{\n{places}access_log off;\n{server}\n}}\n"
    conf = conf.replace("unix:nginx.sock", f"unix:{tmp_path}/nginx.sock")
    with nginx(tmp_path, conf) as address:
        found = [http.get(address, f"/{number}", {}, timeout=5) for number in range(len(READ_BACK))]
    assert [answer.body.decode() for answer in found] == READ_BACK
