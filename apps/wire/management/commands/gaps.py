"""Lists the documented operations that answer 501."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from apps.wire.gaps import all_gaps


class Command(BaseCommand):
    help = "List the documented API operations that this version does not have yet (they answer 501)."

    def handle(self, *args: Any, **options: Any) -> None:
        found = all_gaps()
        for dialect, method, path in found:
            self.stdout.write(f"{dialect:11} {method:7} {path}")
        counts = ", ".join(f"{dialect} {count}" for dialect, count in Counter(d for d, _, _ in found).items())
        self.stdout.write(f"{len(found)} not built: {counts}" if found else "Every documented operation is built.")
