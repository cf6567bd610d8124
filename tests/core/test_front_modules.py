"""What `nginx -V` says of its modules."""

from pathlib import Path

import pytest

from django_selfdeploy.core import front_modules

DEBIAN = "nginx version: nginx/1.22.1\nconfigure arguments: --with-cc-opt='-g -O2' --modules-path={} "


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--with-http_gzip_static_module", {"gzip_static": ""}),
        ("--with-http_gunzip_module", {}),
        ("--add-module=/src/ngx_brotli --with-http_gzip_static_module", {"gzip_static": "", "brotli_static": ""}),
        ("--add-dynamic-module=/src/ngx_brotli", {}),
    ],
)
def test_a_module_that_is_compiled_in_is_known(arguments: str, expected: dict[str, str]) -> None:
    assert front_modules.of(DEBIAN.format("/nowhere") + arguments) == expected


def test_a_module_that_can_be_loaded_is_known_by_its_file(tmp_path: Path) -> None:
    module = tmp_path / "ngx_http_brotli_static_module.so"
    module.touch()
    assert front_modules.of(DEBIAN.format(tmp_path)) == {"brotli_static": str(module)}


def test_where_nginx_cannot_be_run_no_module_is_known() -> None:
    assert front_modules.find("/nowhere/nginx") == {}
    assert front_modules.of("") == {}
