import csv
import hashlib
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from django_sendfile import sendfile

from .forms import EntryForm
from .models import Entry

ENTRIES_A_PAGE = 10
CHUNK_BYTES = 64 * 1024


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    form = EntryForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        form.save()
        messages.success(request, "Thank you for your entry.")
        return redirect("guestbook:index")

    page = Paginator(Entry.objects.all(), ENTRIES_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "guestbook/index.html", {"form": form, "page": page})


@staff_member_required
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """All entries as CSV, for staff only: the web server sends the file, however large it is."""
    folder = Path(settings.SENDFILE_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", newline="", dir=folder, delete=False) as file:
        rows = csv.writer(file)
        rows.writerow(("created", "name", "message"))
        rows.writerows(
            (f"{one.created:%Y-%m-%d %H:%M}", cell(one.name), cell(one.message)) for one in Entry.objects.all()
        )
    path = Path(file.name).rename(folder / "guestbook.csv")
    return sendfile(request, path, attachment=True)


def cell(text: str) -> str:
    """The text, so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@csrf_exempt
@require_POST
def echo(request: HttpRequest) -> JsonResponse:
    """Tell the length in bytes and the SHA-256 of the body, to show that a request arrived whole."""
    length, digest = 0, hashlib.sha256()
    # Read in chunks: request.body refuses more than DATA_UPLOAD_MAX_MEMORY_SIZE.
    for chunk in iter(partial(request.read, CHUNK_BYTES), b""):
        length += len(chunk)
        digest.update(chunk)
    return JsonResponse({"length": length, "sha256": digest.hexdigest()})
