"""The packages that hosts without a way to an index install from: a folder of wheels, and how pip and uv find it."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .controller import REPOSITORY, run

PLACE = "/mnt/packages"
"""Where every host has the folder."""

PYTHON = "/usr/bin/python3"
"""The interpreter of the hosts: one that every user may run."""

NEEDED = ("supervisor>=4.3", "setuptools", "wheel", "pip", "uv", "psycopg[binary]")
"""What a host needs beside the wheel of this repository and what that requires; the last for sites on PostgreSQL."""

UV_PROGRAM = "bin/uv"
"""Where uv is below the folder."""

PIP = f"""\
[global]
no-index = true
find-links = {PLACE}/wheels
disable-pip-version-check = true
"""

UV = f"""\
no-index = true
find-links = ["{PLACE}/wheels"]
cache-dir = "{PLACE}/cache-%s"
link-mode = "copy"
"""


@dataclass(frozen=True)
class Packages:
    """`folder` is to be mounted on PLACE; `users` have a cache each there, which all their hosts share."""

    folder: Path
    users: tuple[str, ...]

    @property
    def wheels(self) -> Path:
        return self.folder / "wheels"

    def variables(self, user: str) -> dict[str, str]:
        """What makes pip and uv take their packages from here, in an environment of `user`."""
        return {"PIP_CONFIG_FILE": f"{PLACE}/pip.conf", "UV_CONFIG_FILE": f"{PLACE}/uv-{user}.toml"}


def gather(folder: Path, wheel: Path, *, users: tuple[str, ...]) -> Packages:
    """Fetch or build the wheels, from the index that this machine is set up with."""
    pip = (sys.executable, "-m", "pip", "--python", PYTHON)
    site = ("--requirement", str(REPOSITORY / "testproject/requirements.txt"))
    run(*pip, "wheel", "--quiet", "--wheel-dir", str(folder / "wheels"), str(wheel), *site, *NEEDED)
    _unpack_uv(folder)
    (folder / "pip.conf").write_text(PIP)
    for user in users:
        (folder / f"uv-{user}.toml").write_text(UV % user)
        cache = folder / f"cache-{user}"
        cache.mkdir()
        cache.chmod(0o777)
    for path in (folder, *folder.glob("*"), *folder.glob("wheels/*"), *folder.glob("bin/*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return Packages(folder, users)


def _unpack_uv(folder: Path) -> None:
    """The program itself, for hosts that have one as most do; with it an environment is made in a second."""
    [wheel] = (folder / "wheels").glob("uv-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".data/scripts/uv")]
        program = folder / UV_PROGRAM
        program.parent.mkdir()
        program.write_bytes(archive.read(name))
    program.chmod(0o755)
