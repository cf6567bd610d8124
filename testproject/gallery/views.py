from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from .forms import PictureForm
from .models import Picture

PICTURES_A_PAGE = 12


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    form = PictureForm(*posted)
    if form.is_valid():
        picture = form.save()
        messages.success(request, f"{picture.title} hangs in the gallery now.")
        return redirect("gallery:index")

    page = Paginator(Picture.objects.all(), PICTURES_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "gallery/index.html", {"form": form, "page": page})
