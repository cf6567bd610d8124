"""What the tests of all apps share."""

from django.test import TestCase, override_settings


@override_settings(
    STORAGES={
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
)
class SiteTestCase(TestCase):
    """A test that needs no collectstatic before it and leaves no uploaded file behind."""
