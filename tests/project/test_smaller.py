"""Files made smaller: what the packages misread is left alone."""

import shutil
import subprocess
from pathlib import Path

import pytest

from django_selfdeploy.project import smaller
from django_selfdeploy.project.smaller import Tool, plain_css, plain_js, tool_for, tools


@pytest.mark.parametrize(
    "text",
    [
        "a { color: red; }\nb { color: blue }",
        "@media (min-width: 1px) { a { color: red } @supports (x: y) { b { c: d } } }",
        "@font-face { src: url('a.woff') } @keyframes k { from { top: 0 } to { top: 1px } }",
        "a::before { content: '{ & b { c: d } }' } /* e { f { } } */",
        "@import url('x.css') layer(a); @layer base { a { b: c } }",
    ],
)
def test_a_style_sheet_without_nested_rules_is_plain(text: str) -> None:
    assert plain_css(text)


@pytest.mark.parametrize(
    "text",
    [
        "a { & :hover { color: red } }",
        "@media print { a { .b :hover { color: red } } }",
        "a { color: red; @media print { color: blue } }",
        "a { background: url( 'two words.png' ) }",
    ],
)
def test_a_style_sheet_that_rcssmin_would_change_is_not(text: str) -> None:
    assert not plain_css(text)


def test_a_script_with_a_template_literal_is_not_plain() -> None:
    assert plain_js("let a = 'b'")
    assert not plain_js("let a = `b ${c ? `d  ${e}` : 'f'}`")


def packages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tool]:
    """The tools where no program is on PATH."""
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    return tools(minify=True, images=True, svg=True)


def test_the_packages_minify_what_is_plain_and_keep_licences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = packages(monkeypatch)
    assert {ending: tool.name for ending, tool in known.items()} == {".css": "rcssmin", ".js": "rjsmin"}
    sheet, script = tmp_path / "a.css", tmp_path / "a.js"
    sheet.write_text("/*! MIT */\na {\n  color : red;\n}\n/* gone */\n")
    script.write_text("// gone\nlet a  =  1;\n")
    assert smaller.smaller(known[".css"], sheet) == b"/*! MIT */a{color:red}"
    assert smaller.smaller(known[".js"], script) == b"let a=1;"


def test_what_fails_or_does_not_become_smaller_is_served_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = packages(monkeypatch)
    for text in ("a{color:red}", "a { & :hover { color: red } }"):
        (tmp_path / "a.css").write_text(text)
        assert smaller.smaller(known[".css"], tmp_path / "a.css") is None
    (tmp_path / "a.css").write_bytes(b"a { content: '\xff' }  ")
    assert smaller.smaller(known[".css"], tmp_path / "a.css") is None


@pytest.mark.parametrize("name", ["jquery.min.js", "vendor/app-min.css", "a.txt", "js"])
def test_what_is_minified_already_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tool_for(name, packages(monkeypatch)) is None


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_programs_of_the_host_and_of_the_project_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "optipng", 'printf png > "$4"; printf "%s" "$5" > "$0.asked"')
    program(tmp_path / ".bin", "esbuild", 'to="${3#--outfile=}"; printf "a{}" > "$to"')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    known = tools(minify=True, images=True, svg=False, beside=str(tmp_path / ".bin"))
    assert (known[".png"].name, known[".css"].name, known[".js"].name) == ("optipng", "esbuild", "esbuild")
    image, sheet = tmp_path / "i.png", tmp_path / "s.css"
    image.write_text("a picture")
    sheet.write_text("a { & :hover { } }")
    assert smaller.smaller(known[".png"], image) == b"png"
    assert (tmp_path / "bin/optipng.asked").read_text() == str(image)
    assert smaller.smaller(known[".css"], sheet) == b"a{}"
    program(tmp_path / "bin", "optipng", "exit 1")
    assert smaller.smaller(known[".png"], image) is None


def test_a_reference_that_django_would_not_find_is_not_served(tmp_path: Path) -> None:
    sheet = tmp_path / "a.css"
    sheet.write_text("a { background : url('two words.png') ; }")
    made = Tool("esbuild", "1", lambda path: rb"a{background:url(two\ words.png)}")
    assert smaller.smaller(made, sheet) is None
    assert smaller.smaller(Tool("other", "1", lambda path: rb'a{b:url("two words.png")}'), sheet) is not None


def test_a_tool_that_hangs_does_not_stop_a_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(path: Path) -> bytes:
        raise subprocess.TimeoutExpired("optipng", 120)

    (tmp_path / "a.png").write_text("a picture")
    assert smaller.smaller(Tool("optipng", "1", late), tmp_path / "a.png") is None
