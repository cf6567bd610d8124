"""What a person does on the test site with a browser."""

from __future__ import annotations

import re

from .site import Site
from .standing import Answer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
BOUNDARY = "a-boundary-that-no-part-holds"


def hang_picture(site: Site, title: str, data: bytes = PNG) -> str:
    """Upload a picture through the gallery's form, as a browser does; the path under which it is served."""
    form = site.get("/gallery/")
    cookie = form.headers["set-cookie"].partition(";")[0]
    [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text))
    fields = {"csrfmiddlewaretoken": token, "title": title, "caption": ""}
    parts = [f'Content-Disposition: form-data; name="{k}"\r\n\r\n{v}'.encode() for k, v in fields.items()]
    file = 'Content-Disposition: form-data; name="file"; filename="view.png"\r\nContent-Type: image/png\r\n\r\n'
    line = f"--{BOUNDARY}".encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in (*parts, file.encode() + data)) + line + b"--\r\n"
    headers = {"Cookie": cookie, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = site.ask("POST", "/gallery/", headers=headers, body=body)
    assert answer.status == 302, answer.text
    return re.findall(r'"(/media/[^"]+)"', site.get("/gallery/").text)[0]


def sheet_of(page: Answer) -> str:
    """The path of the page's style sheet."""
    [path] = re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)
    return path
