"""Images become smaller, and not a dot of them changes: the programs themselves."""

import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from django_selfdeploy.project import smaller
from django_selfdeploy.project.smaller import tools

SIZE = 64


def needed(name: str) -> str:
    """The path of a program. In a CI what is missing is a failure."""
    path = shutil.which(name)
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not installed.")
    return path


def dots() -> bytes:
    """A picture, three bytes a dot, row after row."""
    return bytes(value for y in range(SIZE) for x in range(SIZE) for value in (4 * x, 4 * y, (x * y) % 256))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def as_png(picture: bytes) -> bytes:
    """A PNG (its specification, second edition) that nobody has packed well."""
    rows = b"".join(b"\0" + picture[at : at + 3 * SIZE] for at in range(0, len(picture), 3 * SIZE))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    packed = zlib.compress(rows, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_a_png_is_packed_better_and_shows_the_same(tmp_path: Path) -> None:
    needed("optipng")
    path = tmp_path / "a picture.png"
    path.write_bytes(as_png(dots()))
    made = smaller.smaller(tools(minify=False, images=True, svg=False)[".png"], path)
    assert made is not None
    assert len(made) < path.stat().st_size / 4
    again = tmp_path / "made.png"
    again.write_bytes(made)
    assert unpacked(again) == unpacked(path)


def unpacked(path: Path) -> bytes:
    """The dots of a PNG, as optipng itself lays them out without any packing."""
    plain = path.with_suffix(".plain.png")
    words = ("optipng", "-quiet", "-force", "-nb", "-nc", "-np", "-f0", "-zc1", "-zm1", "-zs0", "-out", plain, path)
    subprocess.run(words, check=True)
    data = plain.read_bytes()
    start = data.index(b"IDAT")
    [length] = struct.unpack(">I", data[start - 4 : start])
    return data[16:29] + zlib.decompress(data[start + 4 : start + 4 + length])


def test_a_jpeg_is_packed_better_and_shows_the_same(tmp_path: Path) -> None:
    make, show = needed("cjpeg"), needed("djpeg")
    path = tmp_path / "a picture.jpg"
    raw = b"P6 %d %d 255\n" % (SIZE, SIZE) + dots()
    path.write_bytes(subprocess.run((make, "-quality", "80"), input=raw, capture_output=True, check=True).stdout)
    made = smaller.smaller(tools(minify=False, images=True, svg=False)[".jpg"], path)
    assert made is not None
    shown = [
        subprocess.run((show,), input=data, capture_output=True, check=True).stdout
        for data in (made, path.read_bytes())
    ]
    assert shown[0] == shown[1] != raw
