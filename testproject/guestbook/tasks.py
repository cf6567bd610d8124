"""What the guestbook does in the background."""

import logging

from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from .models import Entry

log = logging.getLogger("huey")


@db_periodic_task(crontab(minute="*"))
def count_entries() -> None:
    """Write into the worker's log, once a minute, how many entries there are."""
    log.info("The guestbook has %d entries.", Entry.objects.count())
