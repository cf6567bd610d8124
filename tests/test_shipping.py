"""What requirements name here is sent along; what only this machine has is refused."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import RequirementsError
from django_selfdeploy.core.manifest import FILE, Entry, blob_id
from django_selfdeploy.preparation import find_uv
from django_selfdeploy.requirements import Requirements
from django_selfdeploy.shipping import Shipment, ship
from tests.making import requirements, source


def listed(*lines: str) -> Requirements:
    return requirements(lines=lines)


def test_lines_that_any_machine_understands_stay_as_they_are() -> None:
    given = listed("django>=5.2", "shop @ git+https://example.com/shop", "--no-binary=:all:")
    assert ship(source(), given, uv="") == Shipment(given, {})


def test_an_archive_is_sent_to_a_folder_beside_the_environment(tmp_path: Path) -> None:
    wheel = tmp_path / "shop-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK")
    made = ship(source(), listed("django", f"shop @ {wheel.as_uri()}"), uv="")
    blob = blob_id(b"PK")
    assert made.requirements.lines == ("django", f"shop @ file://{{wheels}}/{wheel.name}")
    assert made.requirements.wheels == (Entry(wheel.name, blob, FILE, 2),)
    assert made.archives == {blob: b"PK"}


def test_the_environment_is_the_same_as_without_sending(tmp_path: Path) -> None:
    wheel = tmp_path / "shop-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK")
    given = listed(f"shop @ {wheel.as_uri()}")
    assert ship(source(), given, uv="").requirements.key("cpython") == given.key("cpython")


def test_bytes_are_those_of_the_archives_and_of_the_source() -> None:
    code = source({"manage.py": "import django\n"})
    [entry] = code.entries
    shipment = Shipment(requirements(), {"a" * 40: b"PK"})
    assert dict(shipment.read(code, iter([entry.blob, "a" * 40]))) == {entry.blob: b"import django\n", "a" * 40: b"PK"}
    assert list(shipment.read(code, ["a" * 40])) == [("a" * 40, b"PK")]


@pytest.mark.parametrize("line", ["shop @ file:///home/ann/shop", "/home/ann/shop", "-e /home/ann/shop", "-f /wheels"])
def test_a_path_of_this_machine_in_a_file_of_the_project_is_refused(line: str) -> None:
    code = source({"manage.py": "", "requirements.txt": f"# file:///a\n\ndjango\n{line}\n"})
    with pytest.raises(RequirementsError, match=r"^'requirements.txt' names '.*', which is a path of this machine\."):
        ship(code, requirements(), uv="")


def test_a_path_in_the_project_is_no_path_of_this_machine() -> None:
    code = source({"manage.py": "", "requirements.txt": "./vendor/shop\n-e ./vendor/cart\n-r other.txt\n"})
    assert ship(code, requirements(), uv="").archives == {}


def test_what_is_gone_is_named(tmp_path: Path) -> None:
    line = f"shop @ {(tmp_path / 'gone').as_uri()}"
    with pytest.raises(RequirementsError) as caught:
        ship(source(), listed(line), uv="")
    assert caught.value.message == f"{line!r} is not there any more."


PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
BACKEND = """\
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("shop.py", open("shop.py").read())
        wheel.writestr("shop-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.0\\n")
        wheel.writestr("shop-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("shop-1.0.dist-info/RECORD", "")
    open("left-behind", "w").close()
    return name
"""


def package(folder: Path, *, backend: str = BACKEND) -> Path:
    for name, text in {"pyproject.toml": PYPROJECT, "own.py": backend, "shop.py": "PRICE = 3\n"}.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.programs
def test_a_folder_is_built_from_a_copy(tmp_path: Path) -> None:
    package(tmp_path)
    made = ship(source(), listed(f"shop @ {tmp_path.as_uri()}"), uv=find_uv("auto"))
    assert made.requirements.lines == ("shop @ file://{wheels}/shop-1.0-py3-none-any.whl",)
    [data] = made.archives.values()
    assert zipfile.ZipFile(BytesIO(data)).read("shop.py") == b"PRICE = 3\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.py", "pyproject.toml", "shop.py"]


@pytest.mark.programs
def test_a_folder_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    package(tmp_path, backend="raise SystemExit('no compiler here')\n")
    with pytest.raises(RequirementsError, match=r"(?s)^No wheel can be built of 'shop @ .*no compiler here"):
        ship(source(), listed(f"shop @ {tmp_path.as_uri()}"), uv=find_uv("auto"))


def test_without_uv_a_folder_cannot_be_built_and_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(RequirementsError) as caught:
        ship(source(), listed(f"shop @ {package(tmp_path).as_uri()}"), uv="/nowhere/uv")
    assert (caught.value.message.endswith("'/nowhere/uv'."), caught.value.hint) == (True, "Install uv.")
