import signal
from io import StringIO
from unittest.mock import patch

from django.core.management import call_command
from django.test import SimpleTestCase

SLEEP = "pages.management.commands.pages_worker.time.sleep"


class WorkerTests(SimpleTestCase):
    def setUp(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def test_it_finishes_its_task_when_told_to_stop(self) -> None:
        out, naps = StringIO(), iter((lambda: None, lambda: signal.raise_signal(signal.SIGTERM)))
        with patch(SLEEP, side_effect=lambda seconds: next(naps)()):
            call_command("pages_worker", stdout=out)

        said = [line.partition(": ")[2] for line in out.getvalue().splitlines()]
        self.assertEqual(said, ["started", "task 1 done", "task 2 done", "stopped after 2 tasks"])
