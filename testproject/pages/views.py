import time

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .models import Notice
from .release import running

SLOW_SECONDS = 3.0
SLOWEST_SECONDS = 10.0


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    notices = Notice.objects.filter(published__lte=timezone.now())[:3]
    return render(request, "pages/home.html", {"notices": notices})


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/about.html")


@never_cache
@require_safe
def slow(request: HttpRequest) -> HttpResponse:
    """Answer after ``?seconds=``, 3 if not given and 10 at the most: a request that a restart would lose."""
    try:
        wanted = forms.FloatField().clean(request.GET.get("seconds", SLOW_SECONDS))
    except forms.ValidationError:
        return HttpResponseBadRequest("seconds must be a number\n", content_type="text/plain")

    seconds = min(max(wanted, 0.0), SLOWEST_SECONDS)
    time.sleep(seconds)
    return HttpResponse(f"slept {seconds:g} seconds\n", content_type="text/plain")


@never_cache
@require_safe
def release(request: HttpRequest) -> HttpResponse:
    """The id of the release that answers, and nothing else."""
    return HttpResponse(running(), content_type="text/plain")
