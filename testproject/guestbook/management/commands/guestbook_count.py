from typing import Any

from django.core.management.base import BaseCommand

from guestbook.models import Entry


class Command(BaseCommand):
    help = "Prints how many entries the guestbook has."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(str(Entry.objects.count()))
