import os
from datetime import timedelta
from unittest.mock import patch

from django.contrib.staticfiles import finders
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pages.models import Notice
from website.testing import SiteTestCase


class HomeTests(SiteTestCase):
    def test_a_new_site_welcomes(self) -> None:
        self.assertContains(self.client.get("/"), "The house is open")

    def test_a_notice_is_not_shown_before_its_date(self) -> None:
        Notice.objects.create(title="Tomorrow", text="…", published=timezone.now() + timedelta(days=1))
        self.assertNotContains(self.client.get("/"), "Tomorrow")

    def test_the_page_costs_one_query(self) -> None:
        with self.assertNumQueries(1):
            self.client.get("/")

    def test_static_files_it_names_exist(self) -> None:
        response = self.client.get("/")
        for name in ("pages/logo.svg", "pages/site.css", "pages/site.js"):
            with self.subTest(name):
                self.assertContains(response, f"/static/{name}")
                self.assertIsNotNone(finders.find(name))

    def test_no_two_notices_share_a_title(self) -> None:
        with self.assertRaises(IntegrityError):
            Notice.objects.create(title="The house is open", text="Again.")


class SlowTests(SiteTestCase):
    def test_it_sleeps_as_long_as_asked_within_bounds(self) -> None:
        for query, slept in (("", 3.0), ("?seconds=0.5", 0.5), ("?seconds=99", 10.0), ("?seconds=-1", 0.0)):
            with self.subTest(query), patch("pages.views.time.sleep") as sleep:
                response = self.client.get(f"/slow/{query}")
                sleep.assert_called_once_with(slept)
                self.assertEqual(response.text, f"slept {slept:g} seconds\n")

    def test_it_refuses_what_is_no_number(self) -> None:
        for wrong in ("soon", "nan", ""):
            with self.subTest(wrong), self.assertLogs("django.request", "WARNING"):
                self.assertEqual(self.client.get("/slow/", {"seconds": wrong}).status_code, 400)


class ReleaseTests(SiteTestCase):
    def test_it_is_none_outside_of_a_deployment(self) -> None:
        with patch.dict(os.environ):
            os.environ.pop("SELFDEPLOY_RELEASE", None)
            self.assertEqual(self.client.get("/release/").text, "none")

    def test_it_is_the_release_of_the_process(self) -> None:
        with patch.dict(os.environ, SELFDEPLOY_RELEASE="20260102-abc"):
            self.assertEqual(self.client.get("/release/").text, "20260102-abc")
            self.assertContains(self.client.get("/about/"), "<code>20260102-abc</code>")


class ErrorPageTests(SiteTestCase):
    def test_an_unknown_address_gets_our_own_page(self) -> None:
        with self.assertLogs("django.request", "WARNING"):
            self.assertContains(self.client.get("/attic/"), "There is no such room", status_code=404)

    def test_a_form_without_its_token_is_refused(self) -> None:
        visitor = Client(enforce_csrf_checks=True)
        with self.assertLogs("django.security.csrf", "WARNING"):
            response = visitor.post(reverse("guestbook:index"), {"name": "Eve", "message": "Hello"})
        self.assertEqual(response.status_code, 403)
