"""Pages that may be asked for: no parameters, and nothing that says that asking does something."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path
from django.views.generic import DeleteView, TemplateView, View

from django_selfdeploy.project.pages import pages


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def send_mails(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class Take(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


def listing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


listing.cls, listing.actions = View, {"get": "list", "post": "create"}  # type: ignore[attr-defined]


def found(*patterns: Any) -> tuple[str, ...]:
    with override_settings(ROOT_URLCONF=tuple(patterns)):
        return pages()


def test_pages_of_every_depth_and_namespace_are_found_in_order() -> None:
    shop = ([path("", page), path("news/", page), path("<int:number>/", page)], "shop")
    assert found(
        path("shop/", include(shop, namespace="shop")),
        path("", page),
        re_path(r"^about/$", page),
        re_path(r"^old/(\d+)/$", page),
        re_path(r"^help/(?P<topic>\w+)/$", page),
        path("sitemap.xml", page),
    ) == ("/sitemap.xml", "/", "/about/", "/shop/", "/shop/news/")


def test_of_the_admin_only_the_login_is_asked() -> None:
    assert found(path("admin/", admin.site.urls), path("", page)) == ("/admin/login/", "/")


@pytest.mark.parametrize(
    "pattern",
    [
        path("accounts/logout/", page),
        path("bye/", page, name="logout"),
        path("bye/", LogoutView.as_view()),
        path("gone/", DeleteView.as_view(model=object)),
        path("log-out/", page),
        path("mails/", send_mails),
        path("newsletter/unsubscribe/", page),
        path("take/", Take.as_view()),
        path("__debug__/", page),
        path("shop/<slug:slug>/", page),
    ],
)
def test_what_could_do_something_is_not_asked(pattern: Any) -> None:
    assert found(pattern) == ()


def test_views_of_classes_and_of_an_api_are_asked_where_they_answer_get() -> None:
    assert found(path("a/", TemplateView.as_view(template_name="a.html")), path("b/", listing)) == ("/a/", "/b/")
