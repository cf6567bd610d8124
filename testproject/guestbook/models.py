from typing import Any

from django.db import models


class Entry(models.Model):
    """What one visitor wrote."""

    name = models.CharField(max_length=60)
    message = models.TextField(max_length=1000)
    words = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created", "-pk"]
        verbose_name_plural = "entries"
        indexes = [models.Index(fields=["-created", "-id"], name="guestbook_entry_newest")]
        constraints = [
            models.CheckConstraint(condition=~models.Q(message=""), name="guestbook_entry_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.created:%Y-%m-%d}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.words = len(self.message.split())
        super().save(*args, **kwargs)
