import hashlib
from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

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
