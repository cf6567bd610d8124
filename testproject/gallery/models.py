from contextlib import suppress
from typing import Any

from django.core.validators import FileExtensionValidator
from django.db import models

# No SVG and no HTML: a browser would run the scripts in them as if they were ours.
EXTENSIONS = ("gif", "jpeg", "jpg", "png", "webp")


class Picture(models.Model):
    """An uploaded file. A FileField, as an ImageField would need Pillow."""

    title = models.CharField(max_length=80)
    caption = models.CharField(max_length=200, blank=True, default="", db_default="")
    file = models.FileField(upload_to="pictures/%Y/%m/", validators=[FileExtensionValidator(EXTENSIONS)])
    size_bytes = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    uploaded = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-uploaded", "-pk"]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        with suppress(FileNotFoundError):  # a lost file keeps the size it had
            self.size_bytes = self.file.size
        super().save(*args, **kwargs)
