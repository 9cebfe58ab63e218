"""What the scheduler process does for schedules, and how often."""

from apps.schedules import firing, services
from apps.work.scheduler import Duty

# Firing gives way to the scheduler's other duties after so many, and has its next turn right after them.
FIRED_AT_ONCE = 1000


def tick() -> int:
    return firing.fire_due(limit=FIRED_AT_ONCE)


DUTIES = [
    Duty("schedules: tick", 1.0, tick),
    Duty("schedules: prune", 3600.0, services.prune_ticks, elected=True),
]
