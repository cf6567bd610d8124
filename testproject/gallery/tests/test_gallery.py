from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from gallery.models import Picture
from website.testing import SiteTestCase

DOT = bytes.fromhex("474946383961010001008000000000000000ffffff2c00000000010001000002024401003b")


class GalleryTests(SiteTestCase):
    def upload(self, name: str) -> Any:
        form = {"title": "A dot", "caption": "Seen from afar", "file": SimpleUploadedFile(name, DOT)}
        return self.client.post("/gallery/", form, follow=True)

    def test_an_uploaded_picture_is_kept_and_linked(self) -> None:
        response = self.upload("dot.gif")
        picture = Picture.objects.get()
        self.assertContains(response, f'href="{picture.file.url}"')
        self.assertEqual((picture.file.read(), picture.size_bytes), (DOT, len(DOT)))
        self.assertRegex(picture.file.url, r"^/media/pictures/\d{4}/\d\d/dot\.gif$")

    def test_two_files_of_one_name_are_both_kept(self) -> None:
        self.upload("dot.gif")
        self.upload("dot.gif")
        self.assertEqual(len({picture.file.name for picture in Picture.objects.all()}), 2)

    def test_a_file_with_scripts_is_refused(self) -> None:
        self.assertContains(self.upload("dot.svg"), "is not allowed")
        self.assertFalse(Picture.objects.exists())

    def test_a_picture_whose_file_is_lost_can_still_be_renamed(self) -> None:
        self.upload("dot.gif")
        Picture.objects.get().file.delete(save=False)

        picture = Picture.objects.get()
        picture.title = "A lost dot"
        picture.save()
        self.assertEqual(Picture.objects.get().size_bytes, len(DOT))

    def test_the_migration_measures_old_pictures(self) -> None:
        self.upload("dot.gif")
        Picture.objects.update(size_bytes=0)
        migration = import_module("gallery.migrations.0005_measure_pictures")
        self.assertEqual(migration.size_in_bytes(Picture.objects.get().file), len(DOT))
        migration.measure(apps, connection.schema_editor())
