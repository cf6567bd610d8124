"""All addresses of the site."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("pages.urls")),
    path("guestbook/", include("guestbook.urls")),
    path("gallery/", include("gallery.urls")),
    path("admin/", admin.site.urls),
    # Empty unless DEBUG is on: on a host the web server answers for uploaded files.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
