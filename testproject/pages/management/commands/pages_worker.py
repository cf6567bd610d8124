import signal
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from pages.release import running


class Command(BaseCommand):
    """A background process that can be asked to stop: at SIGTERM it finishes the task in hand, then ends."""

    help = "Does one task a second until it gets SIGTERM or SIGINT."
    stopping = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=1.0, help="how long one task takes")

    def handle(self, *args: Any, seconds: float, **options: Any) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        done = 0
        self.say("started")
        while not self.stopping:
            # A signal does not cut this sleep short (PEP 475), so the task is always finished.
            time.sleep(seconds)
            done += 1
            self.say(f"task {done} done")
        self.say(f"stopped after {done} tasks")

    def stop(self, *signal_and_frame: Any) -> None:
        self.stopping = True

    def say(self, text: str) -> None:
        self.stdout.write(f"pages_worker [{running()}]: {text}")
        self.stdout.flush()
