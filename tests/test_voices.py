"""What a command writes on several hosts: whole lines with the name of the host, or kept."""

import io

from django_selfdeploy.tell.voices import Voices


def streams() -> tuple[io.BytesIO, io.BytesIO]:
    return io.BytesIO(), io.BytesIO()


def test_of_one_host_everything_is_passed_on_as_it_comes() -> None:
    output, errors = streams()
    said = Voices(output, errors, kept=False, named=False).of("web1")
    said("output", b"50 %\r")
    assert output.getvalue() == b"50 %\r"
    said("errors", b"\xff")
    assert errors.getvalue() == b"\xff"


def test_of_several_hosts_lines_are_whole_and_named() -> None:
    output, errors = streams()
    voices = Voices(output, errors, kept=False, named=True)
    one, two = voices.of("web1"), voices.of("web2")
    one("output", b"al")
    two("output", b"beta\n\nga")
    one("errors", b"oh\n")
    one("output", b"pha\n")
    assert (output.getvalue(), errors.getvalue()) == (b"web2: beta\nweb2: \nweb1: alpha\n", b"web1: oh\n")
    voices.end()
    assert output.getvalue().endswith(b"web1: alpha\nweb2: ga\n")


def test_what_is_kept_is_written_nowhere() -> None:
    output, errors = streams()
    voices = Voices(output, errors, kept=True, named=True)
    voices.of("web1")("output", b"one\ntw\xff")
    voices.of("web2")("errors", b"oh\n")
    voices.end()
    assert (output.getvalue(), errors.getvalue()) == (b"", b"")
    assert (voices.texts("web1"), voices.texts("web2"), voices.texts("web3")) == (
        {"output": "one\ntw\ufffd", "errors": ""},
        {"output": "", "errors": "oh\n"},
        {"output": "", "errors": ""},
    )
