"""What is known of a host's key decides, and nothing else."""

import base64
import hashlib
import hmac
import stat
from pathlib import Path

import pytest

from django_selfdeploy.hosts import known_hosts
from django_selfdeploy.hosts.known_hosts import Known, Verdict

KEY, OTHER = b"\x00\x00\x00\x0bssh-ed25519key", b"\x00\x00\x00\x0bssh-ed25519other"


def line(names: str, key: bytes = KEY, kind: str = "ssh-ed25519", mark: str = "") -> str:
    return f"{mark} {names} {kind} {base64.b64encode(key).decode()} a remark".strip()


def known(tmp_path: Path, *lines: str) -> tuple[Known, ...]:
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(lines) + "\n")
    return known_hosts.read((str(path), str(tmp_path / "missing")))


def verdict(tmp_path: Path, *lines: str, place: str = "web1.example.com", key: bytes = KEY) -> Verdict:
    return known_hosts.judge(known_hosts.of(known(tmp_path, *lines), place), key)[0]


def hashed(name: str) -> str:
    salt = b"s" * 20
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    "names",
    [
        "web1.example.com",
        "other,web1.example.com,10.0.0.1",
        "*.example.com",
        "web?.example.com",
        "WEB1.example.com",
        hashed("web1.example.com"),
    ],
)
def test_a_key_that_is_listed_is_good(tmp_path: Path, names: str) -> None:
    assert verdict(tmp_path, line(names)) is Verdict.GOOD


@pytest.mark.parametrize(
    "names",
    [
        *("web2.example.com", "*.example.com,!web1.example.com", "example.com", "[web1.example.com]:2222"),
        *(hashed("web2.example.com"), "|1|no base64|%%", "|1|", "[a-z]eb1.example.com"),
    ],
)
def test_a_line_of_another_host_says_nothing(tmp_path: Path, names: str) -> None:
    assert verdict(tmp_path, line(names)) is Verdict.UNKNOWN


def test_a_port_that_is_not_22_is_part_of_the_name(tmp_path: Path) -> None:
    assert verdict(tmp_path, line("[web1]:2222"), place="[web1]:2222") is Verdict.GOOD
    assert verdict(tmp_path, line(hashed("[web1]:2222")), place="[web1]:2222") is Verdict.GOOD
    assert verdict(tmp_path, line("web1"), place="[web1]:2222") is Verdict.UNKNOWN


def test_another_key_is_a_change_whatever_its_kind(tmp_path: Path) -> None:
    assert verdict(tmp_path, line("web1.example.com", OTHER)) is Verdict.CHANGED
    assert verdict(tmp_path, line("web1.example.com", OTHER, "ecdsa-sha2-nistp256")) is Verdict.CHANGED
    assert verdict(tmp_path, line("web1.example.com", OTHER), line("web1.example.com")) is Verdict.GOOD


def test_a_revoked_key_is_no_good_though_it_is_listed(tmp_path: Path) -> None:
    lines = (line("web1.example.com"), line("*", mark="@revoked"))
    assert verdict(tmp_path, *lines) is Verdict.REVOKED
    assert verdict(tmp_path, *lines, key=OTHER) is Verdict.CHANGED


def test_an_authority_is_told_only_where_nothing_else_is_known(tmp_path: Path) -> None:
    authority = line("*.example.com", OTHER, mark="@cert-authority")
    assert verdict(tmp_path, authority) is Verdict.CERTIFIED
    assert verdict(tmp_path, authority, key=OTHER) is Verdict.CERTIFIED
    assert verdict(tmp_path, authority, line("web1.example.com")) is Verdict.GOOD


def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    assert known(tmp_path, "", "# web1 ssh-ed25519 AAAA", "web1 ssh-ed25519", "web1 ssh-ed25519 %%%", "\0") == ()
    [found] = known(tmp_path, "# a remark", line("web1"))
    assert found == Known("", ("web1",), "ssh-ed25519", KEY, f"{tmp_path}/known_hosts:2")


def test_the_kinds_that_are_known_are_asked_for_first(tmp_path: Path) -> None:
    usual = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]
    lines = known(tmp_path, line("web1", kind="ssh-rsa"), line("web1", kind="ssh-dss"), line("*", mark="@revoked"))
    assert known_hosts.first(lines, usual) == ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519", "ecdsa-sha2-nistp256"]
    assert known_hosts.first((), usual) == usual


def test_a_line_is_added_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "ssh" / "known_hosts"
    known_hosts.add(str(path), known_hosts.line("web1", "ssh-ed25519", KEY))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_text(path.read_text().rstrip("\n"))
    known_hosts.add(str(path), known_hosts.line("web2", "ssh-ed25519", OTHER))
    assert [one.names for one in known_hosts.read((str(path),))] == [("web1",), ("web2",)]
    assert path.read_text().count("\n") == 2
