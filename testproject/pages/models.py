from django.db import models
from django.utils import timezone


class Notice(models.Model):
    """A piece of news on the home page, shown from its date of publication on."""

    title = models.CharField(max_length=100)
    text = models.TextField()
    published = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-published"]
        constraints = [models.UniqueConstraint(fields=["title"], name="pages_notice_title_unique")]

    def __str__(self) -> str:
        return self.title
