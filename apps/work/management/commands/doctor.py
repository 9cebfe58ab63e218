"""`manage.py doctor`: lists what is stuck, and what to do about it. Exit code 1 when there is anything."""

import sys
from typing import Any

from apps.core.commands import InstalledCommand
from apps.work import doctor


class Command(InstalledCommand):
    help = "Looks for work that nobody will take up by itself; says what to do. Nothing is changed."

    def handle(self, **_: Any) -> None:
        found = [str(finding) for finding in doctor.examine()] + doctor.idle_lanes()
        for sentence in found:
            self.stdout.write(sentence)
        if found:
            sys.exit(1)
        self.stdout.write(f"Nothing is stuck: {len(doctor.probes())} checks found nothing. {doctor.living()}")
