import hashlib
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.test import Client
from django.urls import reverse

from guestbook.models import Entry
from website.testing import SiteTestCase

INDEX = "/guestbook/"


class IndexTests(SiteTestCase):
    def test_what_is_signed_is_shown(self) -> None:
        response = self.client.post(INDEX, {"name": "Ada", "message": "Good <b>tea</b>."}, follow=True)
        self.assertRedirects(response, INDEX)
        self.assertContains(response, "Thank you for your entry.")
        self.assertContains(response, "Good &lt;b&gt;tea&lt;/b&gt;.")

    def test_a_browser_signs_with_the_token_of_the_form(self) -> None:
        visitor = Client(enforce_csrf_checks=True)
        token = visitor.get(INDEX).context["csrf_token"]
        visitor.post(INDEX, {"name": "Ada", "message": "Hello", "csrfmiddlewaretoken": str(token)})
        self.assertEqual(Entry.objects.get().name, "Ada")

    def test_an_incomplete_entry_is_asked_for_again(self) -> None:
        response = self.client.post(INDEX, {"name": "Ada", "message": "  "})
        self.assertContains(response, "This field is required.")
        self.assertFalse(Entry.objects.exists())

    def test_the_newest_ten_come_first(self) -> None:
        Entry.objects.bulk_create(Entry(name=f"Guest {number}", message="Hello") for number in range(12))
        shown = [entry.name for entry in self.client.get(INDEX).context["page"]]
        self.assertEqual(shown, [f"Guest {number}" for number in range(11, 1, -1)])
        self.assertContains(self.client.get(INDEX, {"page": 2}), "Guest 1,")


class EntryTests(SiteTestCase):
    def test_words_are_counted(self) -> None:
        self.assertEqual(Entry.objects.create(name="Ada", message="What a view!").words, 3)

    def test_the_database_refuses_an_empty_message(self) -> None:
        with self.assertRaises(IntegrityError):
            Entry.objects.create(name="Ada", message="")

    def test_the_migration_counts_the_words_of_old_entries(self) -> None:
        Entry.objects.bulk_create([Entry(name="Ada", message="What a view!")])
        migration = import_module("guestbook.migrations.0005_count_words")
        migration.count_words(apps, connection.schema_editor())
        self.assertEqual(Entry.objects.get().words, 3)


class EchoTests(SiteTestCase):
    def test_it_tells_length_and_digest_of_a_large_body(self) -> None:
        body = b"\x00tea" * 1_000_000  # more than DATA_UPLOAD_MAX_MEMORY_SIZE
        visitor = Client(enforce_csrf_checks=True)
        response = visitor.post("/guestbook/echo/", body, content_type="application/octet-stream")
        self.assertEqual(response.json(), {"length": 4_000_000, "sha256": hashlib.sha256(body).hexdigest()})


class ExportTests(SiteTestCase):
    def test_staff_get_all_entries_and_others_get_none(self) -> None:
        Entry.objects.create(name="Ada", message="=1+1")
        self.assertEqual(self.client.post("/guestbook/export/").status_code, 302)
        self.client.force_login(User.objects.create(username="host", is_staff=True))
        backend = "django_sendfile.backends.nginx"
        with TemporaryDirectory() as folder, self.settings(SENDFILE_ROOT=folder, SENDFILE_BACKEND=backend):
            response = self.client.post("/guestbook/export/")
            self.assertEqual(response["X-Accel-Redirect"], "/protected/guestbook.csv")
            self.assertIn(",Ada,'=1+1", Path(folder, "guestbook.csv").read_text(encoding="utf-8"))


class CountTests(SiteTestCase):
    def test_it_prints_the_number_of_entries(self) -> None:
        Entry.objects.create(name="Ada", message="Hello")
        out = StringIO()
        call_command("guestbook_count", stdout=out)
        self.assertEqual(out.getvalue(), "1\n")


class AdminTests(SiteTestCase):
    def test_staff_see_all_three_apps(self) -> None:
        self.client.force_login(User.objects.create(username="host", is_staff=True, is_superuser=True))
        for model in ("pages_notice", "guestbook_entry", "gallery_picture"):
            with self.subTest(model):
                self.assertEqual(self.client.get(reverse(f"admin:{model}_changelist")).status_code, 200)
